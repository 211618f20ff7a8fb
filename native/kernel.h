// What a kernel sees of TensorFlow: float tensors in and out, whole-number attributes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/tf_tensor.h"

namespace x3d {

using Dims = std::vector<int64_t>;

/// A float tensor on loan for the length of one call.
class Tensor {
 public:
  explicit Tensor(TF_Tensor* tensor) : tensor_(tensor) {}
  Tensor(Tensor&& other) noexcept : tensor_(other.tensor_) { other.tensor_ = nullptr; }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  ~Tensor() {
    if (tensor_) TF_DeleteTensor(tensor_);
  }
  float* data() const { return static_cast<float*>(TF_TensorData(tensor_)); }
  int64_t size() const { return TF_TensorElementCount(tensor_); }
  /// Absent optional inputs are tensors without elements.
  bool present() const { return size() > 0; }
  int64_t dim(int i) const { return TF_Dim(tensor_, i); }
  int64_t last() const { return dim(TF_NumDims(tensor_) - 1); }
  Dims dims() const {
    Dims d;
    for (int i = 0; i < TF_NumDims(tensor_); ++i) d.push_back(dim(i));
    return d;
  }

 private:
  TF_Tensor* tensor_;
};

/// Raised by a kernel; becomes the operation's status.
struct Failure {
  std::string message;
};

class Call {
 public:
  Call(TF_OpKernelContext* context, const std::vector<int64_t>& attributes)
      : context_(context), attributes_(attributes), status_(TF_NewStatus()) {}
  ~Call() { TF_DeleteStatus(status_); }
  Tensor input(int i) {
    TF_Tensor* t = nullptr;
    TF_GetInput(context_, i, &t, status_);
    check();
    return Tensor(t);
  }
  Tensor output(int i, const Dims& dims) {
    size_t bytes = 4;
    for (int64_t d : dims) bytes *= size_t(d);
    TF_Tensor* t = TF_AllocateOutput(context_, i, TF_FLOAT, dims.data(), int(dims.size()), bytes, status_);
    check();
    return Tensor(t);
  }
  /// An output that takes over the input's memory where nobody else reads it. Ask before `input(from)`.
  Tensor output_over(int i, int from, const Dims& dims) {
    int taken = -1;
    TF_Tensor* t =
        TF_ForwardInputOrAllocateOutput(context_, &from, 1, i, dims.data(), int(dims.size()), &taken, status_);
    check();
    return Tensor(t);
  }
  int64_t attribute(int i) const { return attributes_[size_t(i)]; }
  void fail(const std::string& message) {
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, message.c_str());
    TF_OpKernelContext_Failure(context_, status_);
  }

 private:
  void check() {
    if (TF_GetCode(status_) != TF_OK) throw Failure{TF_Message(status_)};
  }
  TF_OpKernelContext* context_;
  const std::vector<int64_t>& attributes_;
  TF_Status* status_;
};

inline void require(bool condition, const char* message) {
  if (!condition) throw Failure{message};
}

void pointwise(Call&);
void pointwise_grad(Call&);
void project(Call&);
void project_grad(Call&);
void channelwise(Call&);
void channelwise_grad(Call&);
void excite(Call&);
void excite_grad(Call&);
void residual(Call&);
void residual_grad(Call&);
void pooled(Call&);
void pooled_grad(Call&);
void stem(Call&);
void stem_grad(Call&);

}  // namespace x3d
