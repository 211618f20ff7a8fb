// Makes the operations known to TensorFlow when the library that holds them is loaded, and their kernels on the CPU.
#include "register.h"
#include "tensorflow/c/ops.h"

namespace x3d {

namespace {

/// Shapes are known when a kernel runs, not before.
void infer(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

void define(const Operation& operation) {
  const auto typed = [](const char* name, const char* type) { return std::string(name) + ": " + type; };
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(operation.name);
  for (const Argument& input : operation.inputs)
    TF_OpDefinitionBuilderAddInput(definition, typed(input.name, "float").c_str());
  for (const Argument& output : operation.outputs)
    TF_OpDefinitionBuilderAddOutput(definition, typed(output.name, "float").c_str());
  for (const char* name : operation.attributes) TF_OpDefinitionBuilderAddAttr(definition, typed(name, "int").c_str());
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, infer);
  TF_RegisterOpDefinition(definition, status);
  TF_DeleteStatus(status);
}

template <class... Ops>
void enter(Operations<Ops...>) {
  (define(Ops::described()), ...);
  (register_kernel<Ops, compute<Ops>>("CPU"), ...);
}

__attribute__((constructor)) void on_load() { enter(All{}); }

}  // namespace
}  // namespace x3d
