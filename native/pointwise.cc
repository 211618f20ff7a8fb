// Pointwise convolutions: expand, shortcut and head straight from their input (pointwise), and the projection, whose
// input swish(gate * norm(b)) is made tile by tile and never written (project). Statistics of the output come along.
// In the backward pass, the batch norm's gradient is taken on the fly from the raw output that was kept.
#include <algorithm>

#include "gemm.h"
#include "kernel.h"
#include "moments.h"
#include "threads.h"

namespace x3d {
namespace {

constexpr int64_t kTileRows = 64;
enum Slot { kWeights, kLeft, kGradient, kPartial, kStatistics, kProduct, kSums };

int64_t tiles_of(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }

/// Where each row of a convolution with a stride in space reads its input.
struct Positions {
  int64_t height, width, outHeight, outWidth, stride;
  int64_t input_row(int64_t row) const {
    if (stride == 1) return row;
    const int64_t w = row % outWidth, h = row / outWidth % outHeight, frame = row / (outWidth * outHeight);
    return (frame * height + h * stride) * width + w * stride;
  }
  /// The output row that reads this input row, or -1.
  int64_t output_row(int64_t row) const {
    if (stride == 1) return row;
    const int64_t w = row % width, h = row / width % height, frame = row / (width * height);
    if (w % stride || h % stride) return -1;
    return (frame * outHeight + h / stride) * outWidth + w / stride;
  }
};

Positions positions(const Tensor& x, int64_t stride) {
  const int64_t h = x.dim(2), w = x.dim(3);
  return {h, w, (h + stride - 1) / stride, (w + stride - 1) / stride, stride};
}

/// Rows of the input as the product reads them: in place, or gathered where the convolution strides.
Strided gather(const float* x, int64_t channels, const Positions& at, int64_t first, int64_t rows, float* buffer) {
  if (at.stride == 1) return {x + first * channels, channels, 1};
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(buffer + i * channels, x + at.input_row(first + i) * channels, size_t(channels) * 4);
  return {buffer, channels, 1};
}

/// out [rows, columns] and, where asked for, its moments; `left(first, rows)` gives a tile of the left matrix.
template <class Left>
void product(int64_t rows, int64_t depth, int64_t columns, const float* weights, const Left& left, float* out,
             float* moments) {
  const int64_t tiles = tiles_of(rows), row = padded(columns);
  float* packed = Scratch::take(kWeights, depth * row);
  pad_rows(weights, depth, columns, packed);
  float* parts = Scratch::take(kStatistics, moments ? tiles * 2 * row : 0);
  parallel_units(tiles, [&](int64_t tile) {
    const int64_t first = tile * kTileRows, n = std::min(kTileRows, rows - first);
    float* to = out + first * columns;
    multiply<false>(n, columns, depth, left(first, n), packed, row, to, columns);
    if (moments) tile_statistics(to, n, columns, columns, parts + tile * 2 * row, parts + tile * 2 * row + row);
  });
  if (!moments) return;
  std::vector<int64_t> counts(size_t(tiles), kTileRows);
  counts.back() = rows - (tiles - 1) * kTileRows;
  combine(parts, counts, columns, moments);
}

/// A tile of the raw output's gradient, rows padded with zeros.
void gradient_tile(const float* gradient, const float* raw, const NormGradient* norm, int64_t rows, int64_t channels,
                   float* to) {
  const int64_t row = padded(channels);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Vec g = load(gradient + i * channels + c, channels - c);
      store(to + i * row + c, norm ? g * load(&norm->p[size_t(c)]) + load(&norm->q[size_t(c)]) +
                                         load(raw + i * channels + c, channels - c) * load(&norm->r[size_t(c)])
                                   : g);
    }
}

/// Sums the threads' padded partial gradients of the weights.
void reduce_weights(const float* partial, int64_t depth, int64_t columns, float* to) {
  const int64_t row = padded(columns);
  for (int64_t i = 0; i < depth; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      float sum = 0;
      for (int t = 0; t < threads(); ++t) sum += partial[(t * depth + i) * row + j];
      to[i * columns + j] = sum;
    }
}

/// swish(gate * norm(b)) for rows of [T, N, H, W, C].
struct Activation {
  const float* b;
  Affine norm;
  const float* gate;
  int64_t channels, area, clips;
  const float* gate_of(int64_t row) const { return gate ? gate + row / area % clips * channels : nullptr; }
  /// Rows that share the frame of `row`, at most `limit`.
  int64_t run(int64_t row, int64_t limit) const { return std::min(limit, area - row % area); }
};

Vec gated(const Activation& a, const float* gate, int64_t row, int64_t c) {
  const int64_t n = a.channels - c;
  const Vec v = load(a.b + row * a.channels + c, n) * load(&a.norm.factor[size_t(c)]) + load(&a.norm.offset[size_t(c)]);
  return gate ? v * load(gate + c, n) : v;
}

}  // namespace

template <>
void compute(Call<Pointwise>& call) {
  using Op = Pointwise;
  const Tensor &x = call.input(Op::x), &weights = call.input(Op::weights);
  const int64_t depth = x.dim(4), columns = weights.dim(1);
  const Positions at = positions(x, call.attribute(Op::stride));
  const Tensor y = call.output(Op::y), moments = call.output(Op::moments);
  product(
      y.size() / columns, depth, columns, weights.data(),
      [&](int64_t first, int64_t n) {
        return gather(x.data(), depth, at, first, n, Scratch::take(kLeft, kTileRows * depth));
      },
      y.data(), call.attribute(Op::statistics) ? moments.data() : nullptr);
}

template <>
void compute(Call<PointwiseGrad>& call) {
  using Op = PointwiseGrad;
  const int64_t stride = call.attribute(Op::stride), residualStride = call.attribute(Op::residual_stride);
  const Tensor &gradient = call.input(Op::gradient), &raw = call.input(Op::raw), &moments = call.input(Op::moments),
               &scale = call.input(Op::scale), &sums = call.input(Op::sums), &x = call.input(Op::x),
               &weights = call.input(Op::weights), &residual = call.input(Op::residual);
  const int64_t depth = x.dim(4), columns = weights.dim(1), row = padded(columns);
  const Positions at = positions(x, stride);
  const Tensor dx = residualStride == 1 ? call.output_over(Op::dx, Op::residual) : call.output(Op::dx);
  const Tensor dw = call.output(Op::dweights);
  const int64_t rows = gradient.size() / columns;
  const Positions residualAt = positions(x, residualStride);
  const bool norm = moments.present();
  const NormGradient coefficients =
      norm ? norm_gradient(moments.data(), scale.data(), sums.data(), rows, columns) : NormGradient(0);
  const int64_t back = padded(depth);
  float* transposed = Scratch::take(kWeights, columns * back);
  pad_transposed(weights.data(), depth, columns, transposed);
  float* partial = Scratch::take(kPartial, threads() * depth * row);
  std::memset(partial, 0, size_t(threads() * depth * row) * 4);
  parallel_parts(tiles_of(rows), [&](int thread, int64_t from, int64_t to) {
    float* d = Scratch::take(kGradient, kTileRows * row);
    float* left = Scratch::take(kLeft, kTileRows * depth);
    for (int64_t tile = from; tile < to; ++tile) {
      const int64_t first = tile * kTileRows, n = std::min(kTileRows, rows - first);
      gradient_tile(gradient.data() + first * columns, norm ? raw.data() + first * columns : nullptr,
                    norm ? &coefficients : nullptr, n, columns, d);
      const Strided a = gather(x.data(), depth, at, first, n, left);
      multiply<true>(depth, columns, n, {a.data, a.column, a.row}, d, row, partial + thread * depth * row, row);
      float* out = dx.data() + first * depth;
      if (!residual.present()) {
        multiply<false>(n, depth, columns, {d, row, 1}, transposed, back, out, depth);
        continue;
      }
      for (int64_t i = 0; i < n; ++i) {
        const int64_t source = residualAt.output_row(first + i);
        const float* add = residual.data() + source * depth;
        if (source < 0)
          std::memset(out + i * depth, 0, size_t(depth) * 4);
        else if (add != out + i * depth)
          std::memcpy(out + i * depth, add, size_t(depth) * 4);
      }
      multiply<true>(n, depth, columns, {d, row, 1}, transposed, back, out, depth);
    }
  });
  reduce_weights(partial, depth, columns, dw.data());
}

template <>
void compute(Call<Project>& call) {
  using Op = Project;
  const Tensor &b = call.input(Op::b), &inputMoments = call.input(Op::moments_b), &scale = call.input(Op::scale),
               &shift = call.input(Op::shift), &gate = call.input(Op::gate), &weights = call.input(Op::weights);
  const int64_t depth = b.dim(4), columns = weights.dim(1), row = padded(depth);
  const Tensor c = call.output(Op::c), moments = call.output(Op::moments);
  const Activation input = {b.data(), normalise(inputMoments.data(), scale.data(), shift.data(), depth),
                            gate.present() ? gate.data() : nullptr, depth, b.dim(2) * b.dim(3), b.dim(1)};
  product(
      c.size() / columns, depth, columns, weights.data(),
      [&](int64_t first, int64_t n) {
        float* tile = Scratch::take(kLeft, kTileRows * row);
        for (int64_t i = 0; i < n; ++i) {
          const float* g = input.gate_of(first + i);
          for (int64_t k = 0; k < depth; k += kLanes) {
            const Vec u = gated(input, g, first + i, k);
            store(tile + i * row + k, u * sigmoid(u));
          }
        }
        return Strided{tile, row, 1};
      },
      c.data(), call.attribute(Op::statistics) ? moments.data() : nullptr);
}

template <>
void compute(Call<ProjectGrad>& call) {
  using Op = ProjectGrad;
  const Tensor &gradient = call.input(Op::gradient), &c = call.input(Op::c), &moments = call.input(Op::moments),
               &scale = call.input(Op::scale), &sums = call.input(Op::sums), &b = call.input(Op::b),
               &inputMoments = call.input(Op::moments_b), &inputScale = call.input(Op::scale_b),
               &inputShift = call.input(Op::shift_b), &gate = call.input(Op::gate), &weights = call.input(Op::weights);
  const int64_t depth = b.dim(4), columns = weights.dim(1), row = padded(columns), back = padded(depth);
  const int64_t clips = b.dim(1), rows = b.size() / depth;
  const Tensor du = call.output(Op::du), dw = call.output(Op::dweights), clipSums = call.output(Op::clip_sums);
  const NormGradient coefficients = norm_gradient(moments.data(), scale.data(), sums.data(), rows, columns);
  const Affine standard = standardise(inputMoments.data(), depth);
  const Activation input = {b.data(), normalise(inputMoments.data(), inputScale.data(), inputShift.data(), depth),
                            gate.present() ? gate.data() : nullptr, depth, b.dim(2) * b.dim(3), clips};
  float* transposed = Scratch::take(kWeights, columns * back);
  pad_transposed(weights.data(), depth, columns, transposed);
  float* partial = Scratch::take(kPartial, threads() * depth * row);
  std::memset(partial, 0, size_t(threads() * depth * row) * 4);
  std::vector<double> totals(size_t(threads() * clips * 2 * back), 0.0);
  parallel_parts(tiles_of(rows), [&](int thread, int64_t from, int64_t to) {
    float* d = Scratch::take(kGradient, kTileRows * row);
    float* activation = Scratch::take(kLeft, kTileRows * back);
    float* product = Scratch::take(kProduct, kTileRows * back);
    for (int64_t tile = from; tile < to; ++tile) {
      const int64_t first = tile * kTileRows, n = std::min(kTileRows, rows - first);
      gradient_tile(gradient.data() + first * columns, c.data() + first * columns, &coefficients, n, columns, d);
      multiply<false>(n, back, columns, {d, row, 1}, transposed, back, product, back);
      for (int64_t i = 0, run; i < n; i += run) {
        run = input.run(first + i, n - i);
        const int64_t clip = (first + i) / input.area % clips;
        const float* g = input.gate_of(first + i);
        double* total = totals.data() + (thread * clips + clip) * 2 * back;
        for (int64_t k = 0; k < depth; k += kLanes) {
          Vec sum = {}, across = {};
          for (int64_t j = i; j < i + run; ++j) {
            const Vec u = gated(input, g, first + j, k);
            const Vec s = sigmoid(u);
            const Vec q = u * s;
            store(activation + j * back + k, q);
            const Vec dq = load(product + j * back + k) * (s + q - q * s);
            store(du.data() + (first + j) * depth + k, dq, depth - k);
            const Vec raw = load(b.data() + (first + j) * depth + k, depth - k);
            sum += dq;
            across += dq * (raw * load(&standard.factor[size_t(k)]) + load(&standard.offset[size_t(k)]));
          }
          for (int l = 0; l < kLanes; ++l) {
            total[k + l] += double(sum[l]);
            total[back + k + l] += double(across[l]);
          }
        }
      }
      multiply<true>(depth, columns, n, {activation, 1, back}, d, row, partial + thread * depth * row, row);
    }
  });
  reduce_weights(partial, depth, columns, dw.data());
  for (int64_t clip = 0; clip < clips; ++clip)
    for (int64_t s = 0; s < 2; ++s)
      for (int64_t k = 0; k < depth; ++k) {
        double total = 0;
        for (int t = 0; t < threads(); ++t) total += totals[size_t(((t * clips + clip) * 2 + s) * back + k)];
        clipSums.data()[(clip * 2 + s) * depth + k] = float(total);
      }
}

}  // namespace x3d
