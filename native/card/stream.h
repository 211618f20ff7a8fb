#pragma once
#include "tensorflow/c/kernels.h"

namespace x3d {
namespace card {

/// The CUstream on which an operation of a card runs.
void* stream_of(TF_OpKernelContext* context);

}  // namespace card
}  // namespace x3d
