// Makes the kernels known to TensorFlow when the library that holds them is loaded: operations of float tensors with
// whole-number attributes, on the CPU.
#include "kernel.h"
#include "tensorflow/c/ops.h"

namespace x3d {
namespace {

struct Operation {
  const char* name;
  std::vector<const char*> inputs, outputs, attributes;
  void (*compute)(Call&);
};

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"X3dPointwise", {"x", "weights"}, {"y", "moments"}, {"stride", "statistics"}, pointwise},
      {"X3dPointwiseGrad",
       {"gradient", "raw", "moments", "scale", "sums", "x", "weights", "residual"},
       {"dx", "dweights"},
       {"stride", "residual_stride"},
       pointwise_grad},
      {"X3dProject", {"b", "moments_b", "scale", "shift", "gate", "weights"}, {"c", "moments"}, {"statistics"}, project},
      {"X3dProjectGrad",
       {"gradient", "c", "moments", "scale", "sums", "b", "moments_b", "scale_b", "shift_b", "gate", "weights"},
       {"du", "dweights", "clip_sums"},
       {},
       project_grad},
      {"X3dChannelwise",
       {"a", "moments_a", "scale", "shift", "filter"},
       {"b", "means", "moments"},
       {"stride"},
       channelwise},
      {"X3dChannelwiseGrad",
       {"du", "b", "coefficients", "a", "moments_a", "scale", "shift", "filter"},
       {"da", "dfilter", "sums"},
       {"stride"},
       channelwise_grad},
      {"X3dExcite",
       {"means", "moments", "scale", "shift", "reduce", "reduce_bias", "expand", "expand_bias"},
       {"gate", "hidden"},
       {},
       excite},
      {"X3dExciteGrad",
       {"clip_sums", "means", "moments", "scale", "shift", "gate", "hidden", "reduce", "expand"},
       {"coefficients", "sums", "dreduce", "dreduce_bias", "dexpand", "dexpand_bias"},
       {"positions"},
       excite_grad},
      {"X3dResidual",
       {"c", "moments", "scale", "shift", "shortcut", "moments_s", "scale_s", "shift_s"},
       {"y"},
       {},
       residual},
      {"X3dResidualGrad",
       {"gradient", "y", "c", "moments", "shortcut", "moments_s"},
       {"dz", "sums", "sums_s"},
       {},
       residual_grad},
      {"X3dPooled", {"e", "moments", "scale", "shift"}, {"mean"}, {}, pooled},
      {"X3dPooledGrad", {"gradient", "e", "moments", "scale", "shift"}, {"de", "sums"}, {}, pooled_grad},
      {"X3dStem", {"clips", "weights"}, {"y"}, {}, stem},
      {"X3dStemGrad", {"gradient", "clips"}, {"dweights"}, {}, stem_grad},
  };
  return all;
}

using Attributes = std::vector<int64_t>;

template <size_t Index>
void* create(TF_OpKernelConstruction* construction) {
  auto* values = new Attributes;
  TF_Status* status = TF_NewStatus();
  for (const char* name : operations()[Index].attributes) {
    int64_t value = 0;
    TF_OpKernelConstruction_GetAttrInt64(construction, name, &value, status);
    if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
    values->push_back(value);
  }
  TF_DeleteStatus(status);
  return values;
}

template <size_t Index>
void compute(void* kernel, TF_OpKernelContext* context) {
  Call call(context, *static_cast<Attributes*>(kernel));
  try {
    operations()[Index].compute(call);
  } catch (const Failure& failure) {
    call.fail(failure.message);
  }
}

void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

/// Shapes are known when a kernel runs, not before.
void infer(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

template <size_t Index>
void enter() {
  const Operation& operation = operations()[Index];
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(operation.name);
  for (const char* name : operation.inputs)
    TF_OpDefinitionBuilderAddInput(definition, (std::string(name) + ": float").c_str());
  for (const char* name : operation.outputs)
    TF_OpDefinitionBuilderAddOutput(definition, (std::string(name) + ": float").c_str());
  for (const char* name : operation.attributes)
    TF_OpDefinitionBuilderAddAttr(definition, (std::string(name) + ": int").c_str());
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, infer);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK) {
    TF_KernelBuilder* builder =
        TF_NewKernelBuilder(operation.name, "CPU", create<Index>, compute<Index>, destroy);
    TF_RegisterKernelBuilder(operation.name, builder, status);
  }
  TF_DeleteStatus(status);
}

template <size_t... Indices>
void enter_all(std::index_sequence<Indices...>) {
  (enter<Indices>(), ...);
}

constexpr size_t kOperations = 14;

__attribute__((constructor)) void on_load() { enter_all(std::make_index_sequence<kOperations>{}); }

}  // namespace
}  // namespace x3d
