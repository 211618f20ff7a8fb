// TensorFlow's C interface gives no CUDA stream; its C++ headers do.
#include "stream.h"

// Their use of each other is deprecated in many places.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "tensorflow/core/framework/op_kernel.h"
#include "xla/stream_executor/stream.h"

namespace x3d {
namespace card {

void* stream_of(TF_OpKernelContext* context) {
  auto* own = reinterpret_cast<tensorflow::OpKernelContext*>(context);
  return own->op_device_context()->stream()->platform_specific_handle().stream;
}

}  // namespace card
}  // namespace x3d
