// For tests: the card's kernels compiled for the host, in place of the CPU's own. A library that Node loads.
#include <cstring>

#include "../register.h"
#include "channelwise.cu"
#include "launch.h"

namespace x3d {
namespace card {
namespace {

template <int Taps, int Side, int Stride, int Lanes>
void start(const char* kernel, const Index& blocks, const Index& threads, void* arguments) {
  const auto is = [&](const char* name) { return std::strcmp(kernel, name) == 0; };
  if (is("forward"))
    return Fibers::run(blocks, threads,
                       [&] { forward<Taps, Side, Stride, Lanes>(*static_cast<Forward*>(arguments)); });
  if (is("backward"))
    return Fibers::run(blocks, threads,
                       [&] { backward<Taps, Side, Stride, Lanes>(*static_cast<Backward*>(arguments)); });
  if (is("moments")) return Fibers::run(blocks, threads, [&] { moments(*static_cast<Moments*>(arguments)); });
  Fibers::run(blocks, threads, [&] { sum(*static_cast<Sum*>(arguments)); });
}

template <int Lanes>
void start(const Build& build, const char* kernel, const Index& blocks, const Index& threads, void* arguments) {
  const auto is = [&](int taps, int side, int stride) {
    return build.taps == taps && build.side == side && build.stride == stride;
  };
  if (is(3, 3, 1)) return start<3, 3, 1, Lanes>(kernel, blocks, threads, arguments);
  if (is(3, 3, 2)) return start<3, 3, 2, Lanes>(kernel, blocks, threads, arguments);
  if (is(1, 1, 1)) return start<1, 1, 1, Lanes>(kernel, blocks, threads, arguments);
  if (is(3, 1, 1)) return start<3, 1, 1, Lanes>(kernel, blocks, threads, arguments);
  if (is(5, 1, 1)) return start<5, 1, 1, Lanes>(kernel, blocks, threads, arguments);
  throw Failure{"a build that the host does not have"};
}

template <class... Ops>
void enter(Operations<Ops...>) {
  (register_kernel<Ops, compute<Ops>>("CPU", 1), ...);
}

__attribute__((constructor)) void on_load() { enter(OnTheCard{}); }

}  // namespace

void launch(TF_OpKernelContext*, const Build& build, const char* kernel, const Blocks& blocks, unsigned width,
            void* arguments) {
  const Index grid = {blocks.x, blocks.y, blocks.z}, threads = {width, kRows, 1};
  (build.lanes == 2 ? start<2> : start<1>)(build, kernel, grid, threads, arguments);
}

}  // namespace card
}  // namespace x3d

extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) {
  return exports;
}
