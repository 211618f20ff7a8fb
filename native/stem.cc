// The stem's 1x3x3 convolution with stride 2 and padding 1, from few channels: the 3x3 patches of a few rows are laid
// out in cache and multiplied. Clips are the input, so that there is no gradient but the weights'.
#include <algorithm>

#include "gemm.h"
#include "kernel.h"
#include "threads.h"

namespace x3d {
namespace {

/// Patches of output row `h` of one frame [H, W, C]: [outWidth, 9 C].
void patches(const float* frame, int64_t height, int64_t width, int64_t channels, int64_t h, int64_t outWidth, float* to) {
  for (int64_t w = 0; w < outWidth; ++w)
    for (int64_t kh = 0; kh < 3; ++kh) {
      const int64_t y = 2 * h + kh - 1;
      for (int64_t kw = 0; kw < 3; ++kw) {
        const int64_t x = 2 * w + kw - 1;
        float* at = to + (w * 9 + kh * 3 + kw) * channels;
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        for (int64_t c = 0; c < channels; ++c) at[c] = inside ? frame[(y * width + x) * channels + c] : 0.0f;
      }
    }
}

}  // namespace

template <>
void compute(Call<Stem>& call) {
  const Tensor &x = call.input(Stem::clips), &weights = call.input(Stem::weights);
  const int64_t height = x.dim(2), width = x.dim(3), channels = x.dim(4), columns = weights.last(), depth = 9 * channels;
  const int64_t outHeight = (height + 1) / 2, outWidth = (width + 1) / 2, row = padded(columns);
  const Tensor y = call.output(Stem::y);
  float* packed = Scratch::take(0, depth * row);
  pad_rows(weights.data(), depth, columns, packed);
  parallel_units(x.dim(0) * x.dim(1) * outHeight, [&](int64_t unit) {
    float* left = Scratch::take(1, outWidth * depth);
    patches(x.data() + unit / outHeight * height * width * channels, height, width, channels, unit % outHeight, outWidth,
            left);
    multiply<false>(outWidth, columns, depth, {left, depth, 1}, packed, row, y.data() + unit * outWidth * columns,
                    columns);
  });
}

template <>
void compute(Call<StemGrad>& call) {
  const Tensor &gradient = call.input(StemGrad::gradient), &x = call.input(StemGrad::clips);
  const int64_t height = x.dim(2), width = x.dim(3), channels = x.dim(4), columns = gradient.last(), depth = 9 * channels;
  const int64_t outHeight = (height + 1) / 2, outWidth = (width + 1) / 2, row = padded(columns);
  const Tensor dw = call.output(StemGrad::dweights);
  float* partial = Scratch::take(0, threads() * depth * row);
  std::memset(partial, 0, size_t(threads() * depth * row) * 4);
  parallel_parts(x.dim(0) * x.dim(1) * outHeight, [&](int thread, int64_t from, int64_t to) {
    float* left = Scratch::take(1, outWidth * depth);
    float* right = Scratch::take(2, outWidth * row);
    for (int64_t unit = from; unit < to; ++unit) {
      patches(x.data() + unit / outHeight * height * width * channels, height, width, channels, unit % outHeight,
              outWidth, left);
      pad_rows(gradient.data() + unit * outWidth * columns, outWidth, columns, right);
      multiply<true>(depth, columns, outWidth, {left, 1, depth}, right, row, partial + thread * depth * row, row);
    }
  });
  for (int64_t i = 0; i < depth; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      float sum = 0;
      for (int t = 0; t < threads(); ++t) sum += partial[(t * depth + i) * row + j];
      dw.data()[i * columns + j] = sum;
    }
}

}  // namespace x3d
