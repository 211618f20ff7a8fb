// What the card's channelwise kernels take, on both sides of a launch. No includes: the card's compiler has none.
#pragma once

namespace x3d {
namespace card {

/// Threads of a block: this many positions, each for up to kWidest vectors of channels.
constexpr int kRows = 8, kWidest = 32;
/// Frames, clips, and what a convolution from [height, width] to [outHeight, outWidth] with a stride has.
struct Shape {
  int frames, clips, height, width, outHeight, outWidth, channels;
};

/// Outputs next to each other that a thread makes, and by the stride those whose inputs' gradients it makes.
constexpr int kTile = 4;
constexpr int kBackwardTiles[] = {0, kTile, 1};

/// Rows of a part: of b's statistics, by clip and block: count, mean, squared deviations.
constexpr int kStatistics = 3;

struct Forward {
  Shape shape;
  /// Null where a is convolved itself: moments [2, C], scale, shift.
  const float *a, *moments, *scale, *shift, *filter;
  float* b;
  /// [clips, blocks a clip, kStatistics, C], or null without statistics.
  float* parts;
};

struct Moments {
  const float* parts;
  int clips, blocks, channels;
  float *means, *moments;
};

struct Backward {
  Shape shape;
  /// Null without: b, coefficients [clips or 1, 3, C]; moments, scale, shift.
  const float *du, *b, *coefficients, *a, *moments, *scale, *shift, *filter;
  int coefficientClips;
  float* da;
  /// [blocks, taps + 2, C]: the filter's gradient and the sums of a's norm.
  float* parts;
};

struct Sum {
  const float* parts;
  int blocks, filter, sums;
  float *dfilter, *dsums;
};

}  // namespace card
}  // namespace x3d
