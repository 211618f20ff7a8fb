// The card's operations: what they take and make, and the grids of their kernels. Grids follow from shapes alone, so
// that sums are taken in the same order whatever the card.
#include <algorithm>

#include "channelwise.h"
#include "launch.h"

namespace x3d {
namespace card {
namespace {

/// Blocks that fill any card several times over; more only make more parts to add up.
constexpr int kBlocks = 2048;

int over(int count, int by) { return (count + by - 1) / by; }

const float* pointer(const Tensor& tensor) { return tensor.present() ? tensor.data() : nullptr; }

Shape shape_of(const Tensor& a, const Tensor& b) {
  const auto size = [](int64_t n) { return static_cast<int>(n); };
  return {size(a.dim(0)), size(a.dim(1)), size(a.dim(2)), size(a.dim(3)), size(b.dim(2)), size(b.dim(3)), size(a.dim(4))};
}

/// Vectors of channels in a block, and the blocks that all channels take.
struct Groups {
  unsigned width, count;
  Groups(int channels, int lanes) {
    const int vectors = channels / lanes;
    count = unsigned(over(vectors, kWidest));
    width = unsigned(over(vectors, int(count)));
  }
};

Build build_for(const Tensor& filter, int64_t stride, const Shape& shape) {
  const int taps = int(filter.dim(0)), side = int(filter.dim(1));
  require(side == 3 ? taps == 3 && (stride == 1 || stride == 2) : side == 1 && taps % 2 == 1 && stride == 1,
          "X3dChannelwise: the filter is 3x3x3 with stride 1 or 2, or Kx1x1 for odd K");
  return {taps, side, int(stride), shape.channels % 2 == 0 ? 2 : 1};
}

}  // namespace

template <>
void compute(Call<Channelwise>& call) {
  using Op = Channelwise;
  const Tensor &a = call.input(Op::a), &filter = call.input(Op::filter);
  const Tensor b = call.output(Op::b), means = call.output(Op::means), moments = call.output(Op::moments);
  const Shape shape = shape_of(a, b);
  const Build build = build_for(filter, call.attribute(Op::stride), shape);
  const Groups groups(shape.channels, build.lanes);
  const int positions = shape.outHeight * over(shape.outWidth, kTile);
  const int blocks = std::min(over(positions, kRows), std::max(1, kBlocks / (shape.clips * int(groups.count))));
  const bool statistics = call.attribute(Op::statistics) != 0;
  const Tensor parts = call.scratch(statistics ? int64_t(shape.clips) * blocks * kStatistics * shape.channels : 0);
  Forward forward = {shape,
                     a.data(),
                     pointer(call.input(Op::moments_a)),
                     pointer(call.input(Op::scale)),
                     pointer(call.input(Op::shift)),
                     filter.data(),
                     b.data(),
                     statistics ? parts.data() : nullptr};
  launch(call.context(), build, "forward", {unsigned(blocks), groups.count, unsigned(shape.clips)}, groups.width,
         &forward);
  if (!statistics) return;
  Moments sums = {parts.data(), shape.clips, blocks, shape.channels, means.data(), moments.data()};
  launch(call.context(), build, "moments", {unsigned(over(shape.channels, kWidest))}, kWidest, &sums);
}

template <>
void compute(Call<ChannelwiseGrad>& call) {
  using Op = ChannelwiseGrad;
  const Tensor &du = call.input(Op::du), &a = call.input(Op::a), &filter = call.input(Op::filter);
  const Tensor &b = call.input(Op::b), &coefficients = call.input(Op::coefficients);
  // Not over du, which other threads still read.
  const Tensor da = call.output(Op::da), dfilter = call.output(Op::dfilter), sums = call.output(Op::sums);
  const Shape shape = shape_of(a, du);
  const Build build = build_for(filter, call.attribute(Op::stride), shape);
  const Groups groups(shape.channels, build.lanes);
  const int positions = shape.clips * shape.outHeight * over(shape.outWidth, kBackwardTiles[build.stride]);
  const int blocks = std::min(over(positions, kRows), std::max(1, kBlocks / 2 / int(groups.count)));
  const int size = int(filter.size()), both = 2 * shape.channels;
  const Tensor parts = call.scratch(int64_t(blocks) * (size + both));
  Backward backward = {shape,
                       du.data(),
                       pointer(b),
                       b.present() ? pointer(coefficients) : nullptr,
                       a.data(),
                       pointer(call.input(Op::moments_a)),
                       pointer(call.input(Op::scale)),
                       pointer(call.input(Op::shift)),
                       filter.data(),
                       coefficients.present() ? int(coefficients.dim(0)) : 1,
                       da.data(),
                       parts.data()};
  launch(call.context(), build, "backward", {unsigned(blocks), groups.count}, groups.width, &backward);
  Sum sum = {parts.data(), blocks, size, both, dfilter.data(), sums.data()};
  launch(call.context(), build, "sum", {unsigned(over(size + both, kWidest))}, kWidest, &sum);
}

}  // namespace card
}  // namespace x3d
