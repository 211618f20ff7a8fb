// Makes kernels known to TensorFlow.
#pragma once
#include "kernel.h"

namespace x3d {

template <class Op>
void* create(TF_OpKernelConstruction* construction) {
  auto* values = new Attributes;
  TF_Status* status = TF_NewStatus();
  for (const char* name : Op::described().attributes) {
    int64_t value = 0;
    TF_OpKernelConstruction_GetAttrInt64(construction, name, &value, status);
    if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
    values->push_back(value);
  }
  TF_DeleteStatus(status);
  return values;
}

inline void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

template <class Op, void (*Compute)(Call<Op>&)>
void run(void* kernel, TF_OpKernelContext* context) {
  try {
    Call<Op> call(context, *static_cast<Attributes*>(kernel));
    Compute(call);
  } catch (const Failure& failure) {
    TF_Status* status = TF_NewStatus();
    TF_SetStatus(status, TF_INVALID_ARGUMENT, failure.message.c_str());
    TF_OpKernelContext_Failure(context, status);
    TF_DeleteStatus(status);
  }
}

/// Of an operation's kernels on a device, the one with the highest priority runs.
template <class Op, void (*Compute)(Call<Op>&)>
void register_kernel(const char* device, int priority = 0) {
  TF_Status* status = TF_NewStatus();
  const char* name = Op::described().name;
  TF_KernelBuilder* builder = TF_NewKernelBuilder(name, device, create<Op>, run<Op, Compute>, destroy);
  TF_KernelBuilder_Priority(builder, priority);
  TF_RegisterKernelBuilder(name, builder, status);
  TF_DeleteStatus(status);
}

}  // namespace x3d
