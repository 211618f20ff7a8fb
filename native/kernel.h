// What a kernel sees of TensorFlow: the operation's inputs, outputs and attributes by the names of the table, float
// tensors and whole numbers. A kernel is `compute` of its operation.
#pragma once
#include "operations.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/tf_tensor.h"

namespace x3d {

/// A float tensor on loan for the length of one call.
class Tensor {
 public:
  explicit Tensor(TF_Tensor* tensor = nullptr) : tensor_(tensor) {}
  Tensor(Tensor&& other) noexcept : tensor_(other.tensor_) { other.tensor_ = nullptr; }
  Tensor& operator=(Tensor&& other) noexcept {
    std::swap(tensor_, other.tensor_);
    return *this;
  }
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

using Attributes = std::vector<int64_t>;

/// Inputs are as the table says, and outputs are made so.
template <class Op>
class Call {
 public:
  /// Throws Failure where an input is not as the table says.
  Call(TF_OpKernelContext* context, const Attributes& attributes)
      : context_(context), attributes_(attributes), sizes_(attributes) {
    const auto& arguments = operation().inputs;
    for (size_t i = 0; i < arguments.size(); ++i) {
      inputs_[i] = take(int(i));
      if (inputs_[i].present()) sizes_.learn(arguments[i], inputs_[i].dims());
    }
    for (size_t i = 0; i < arguments.size(); ++i)
      if (inputs_[i].present() || !arguments[i].optional)
        sizes_.check(operation(), arguments[i], inputs_[i].dims());
  }

  const Tensor& input(typename Op::Input i) const { return inputs_[i]; }
  Tensor output(typename Op::Output i) {
    const Dims dims = sizes_.dims(operation().outputs[i]);
    size_t bytes = 4;
    for (int64_t d : dims) bytes *= size_t(d);
    return done(TF_AllocateOutput(context_, i, TF_FLOAT, dims.data(), int(dims.size()), bytes, status_.own));
  }
  /// An output that takes over the memory of an input of its size, where nobody else reads that.
  Tensor output_over(typename Op::Output i, typename Op::Input from) {
    const Dims dims = sizes_.dims(operation().outputs[i]);
    const int source = from;
    int taken = -1;
    // It is not taken while it is on loan.
    inputs_[from] = Tensor();
    Tensor made = done(TF_ForwardInputOrAllocateOutput(context_, &source, 1, i, dims.data(), int(dims.size()), &taken,
                                                       status_.own));
    inputs_[from] = take(from);
    return made;
  }
  /// Floats of the device's memory for the length of the call.
  Tensor scratch(int64_t floats) {
    TF_AllocatorAttributes attributes = {TF_ALLOCATOR_ATTRIBUTES_STRUCT_SIZE, 0};
    return done(TF_AllocateTemp(context_, TF_FLOAT, &floats, 1, &attributes, status_.own));
  }
  int64_t attribute(typename Op::Attribute i) const { return attributes_[i]; }
  TF_OpKernelContext* context() const { return context_; }

 private:
  static const Operation& operation() { return Op::described(); }
  Tensor take(int i) {
    TF_Tensor* t = nullptr;
    TF_GetInput(context_, i, &t, status_.own);
    return done(t);
  }
  Tensor done(TF_Tensor* tensor) {
    Tensor own(tensor);
    if (TF_GetCode(status_.own) != TF_OK) throw Failure{TF_Message(status_.own)};
    return own;
  }

  struct Status {
    TF_Status* own = TF_NewStatus();
    Status() = default;
    Status(const Status&) = delete;
    ~Status() { TF_DeleteStatus(own); }
  };
  static constexpr size_t kMostInputs = 12;
  TF_OpKernelContext* context_;
  const Attributes& attributes_;
  Sizes sizes_;
  Status status_;
  std::array<Tensor, kMostInputs> inputs_;
};

template <class Op>
void compute(Call<Op>&);

inline void require(bool condition, const char* message) {
  if (!condition) throw Failure{message};
}

}  // namespace x3d
