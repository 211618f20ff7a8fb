// How an operation's kernels are started: on a card by cuda.cc, for tests on the host by host.cc.
#pragma once
#include "../kernel.h"

namespace x3d {
namespace card {

/// The kernels of channelwise.cu for convolutions of one kind, `lanes` channels at a time.
struct Build {
  int taps, side, stride, lanes;
  bool operator<(const Build& other) const {
    return std::array<int, 4>{taps, side, stride, lanes} <
           std::array<int, 4>{other.taps, other.side, other.stride, other.lanes};
  }
};

struct Blocks {
  unsigned x = 1, y = 1, z = 1;
};

/// Starts `kernel` (its name in channelwise.cu) in blocks of `width` x kRows threads. `arguments` is the structure that
/// it takes. Throws Failure.
void launch(TF_OpKernelContext* context, const Build& build, const char* kernel, const Blocks& blocks, unsigned width,
            void* arguments);

/// As x3d::compute, on a card.
template <class Op>
void compute(Call<Op>&);

}  // namespace card
}  // namespace x3d
