// Prints for which devices the operations of the card have kernels, with the library's own: registered OPERATION...
#include <cstdio>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/kernels.h"

int main(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    TF_Status* status = TF_NewStatus();
    const TF_Buffer* kernels = TF_GetRegisteredKernelsForOp(words[i], status);
    std::fwrite(kernels->data, 1, kernels->length, stdout);
    TF_DeleteStatus(status);
  }
}
