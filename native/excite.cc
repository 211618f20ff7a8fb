// Squeeze-excite on statistics alone: the mean of norm(b) over a clip follows from the mean of b, and everything its
// gradient needs from sums by clip, so that no pass over activations is spent on it.
#include "gemm.h"
#include "kernel.h"
#include "moments.h"

namespace x3d {

template <>
void compute(Call<Excite>& call) {
  using Op = Excite;
  const Tensor &means = call.input(Op::means), &moments = call.input(Op::moments), &scale = call.input(Op::scale),
               &shift = call.input(Op::shift), &reduce = call.input(Op::reduce),
               &reduceBias = call.input(Op::reduce_bias), &expand = call.input(Op::expand),
               &expandBias = call.input(Op::expand_bias);
  const int64_t clips = means.dim(0), channels = means.dim(1), width = reduce.dim(1);
  const Tensor gate = call.output(Op::gate), hidden = call.output(Op::hidden);
  const Affine norm = normalise(moments.data(), scale.data(), shift.data(), channels);
  for (int64_t n = 0; n < clips; ++n) {
    float* h = hidden.data() + n * width;
    float* g = gate.data() + n * channels;
    std::memcpy(h, reduceBias.data(), size_t(width) * 4);
    for (int64_t c = 0; c < channels; ++c) {
      const float squeezed = means.data()[n * channels + c] * norm.factor[size_t(c)] + norm.offset[size_t(c)];
      for (int64_t r = 0; r < width; ++r) h[r] += squeezed * reduce.data()[c * width + r];
    }
    std::memcpy(g, expandBias.data(), size_t(channels) * 4);
    for (int64_t r = 0; r < width; ++r) {
      h[r] = 0.0f > h[r] ? 0.0f : h[r];
      for (int64_t c = 0; c < channels; ++c) g[c] += h[r] * expand.data()[r * channels + c];
    }
    for (int64_t c = 0; c < channels; c += kLanes) store(g + c, sigmoid(load(g + c, channels - c)), channels - c);
  }
}

template <>
void compute(Call<ExciteGrad>& call) {
  using Op = ExciteGrad;
  const Tensor &clipSums = call.input(Op::clip_sums), &means = call.input(Op::means), &moments = call.input(Op::moments),
               &scale = call.input(Op::scale), &shift = call.input(Op::shift), &gate = call.input(Op::gate),
               &hidden = call.input(Op::hidden), &reduce = call.input(Op::reduce), &expand = call.input(Op::expand);
  const bool excited = gate.present();
  const int64_t clips = clipSums.dim(0), channels = clipSums.dim(2), width = excited ? reduce.dim(1) : 0;
  const double positions = double(call.attribute(Op::positions));
  const Tensor coefficients = call.output(Op::coefficients), sums = call.output(Op::sums);
  const Tensor dReduce = call.output(Op::dreduce), dReduceBias = call.output(Op::dreduce_bias);
  const Tensor dExpand = call.output(Op::dexpand), dExpandBias = call.output(Op::dexpand_bias);
  const Affine standard = standardise(moments.data(), channels);

  // Of the squeezed mean of norm(b).
  std::vector<float> back(size_t(clips * channels), 0.0f);
  if (excited) {
    for (const Tensor* t : {&dReduce, &dReduceBias, &dExpand, &dExpandBias})
      std::memset(t->data(), 0, size_t(t->size()) * 4);
    std::vector<float> dh(static_cast<size_t>(width)), dg(static_cast<size_t>(channels));
    for (int64_t n = 0; n < clips; ++n) {
      const float* s = clipSums.data() + n * 2 * channels;
      const float* g = gate.data() + n * channels;
      const float* h = hidden.data() + n * width;
      for (int64_t c = 0; c < channels; ++c) {
        dg[size_t(c)] = (scale.data()[c] * s[channels + c] + shift.data()[c] * s[c]) * g[c] * (1.0f - g[c]);
        dExpandBias.data()[c] += dg[size_t(c)];
      }
      for (int64_t r = 0; r < width; ++r) {
        float sum = 0;
        for (int64_t c = 0; c < channels; ++c) {
          sum += dg[size_t(c)] * expand.data()[r * channels + c];
          dExpand.data()[r * channels + c] += h[r] * dg[size_t(c)];
        }
        dh[size_t(r)] = h[r] > 0.0f ? sum : 0.0f;
        dReduceBias.data()[r] += dh[size_t(r)];
      }
      for (int64_t c = 0; c < channels; ++c) {
        const float standardised = means.data()[n * channels + c] * standard.factor[size_t(c)] + standard.offset[size_t(c)];
        const float squeezed = standardised * scale.data()[c] + shift.data()[c];
        float sum = 0;
        for (int64_t r = 0; r < width; ++r) {
          sum += dh[size_t(r)] * reduce.data()[c * width + r];
          dReduce.data()[c * width + r] += squeezed * dh[size_t(r)];
        }
        back[size_t(n * channels + c)] = sum;
      }
    }
  }

  for (int64_t c = 0; c < channels; ++c) {
    const double inverse = double(standard.factor[size_t(c)]), mean = double(moments.data()[c]);
    double dShift = 0, dScale = 0;
    for (int64_t n = 0; n < clips; ++n) {
      const double g = excited ? double(gate.data()[n * channels + c]) : 1.0, k = double(back[size_t(n * channels + c)]);
      dShift += g * double(clipSums.data()[n * 2 * channels + c]) + k;
      dScale += g * double(clipSums.data()[(n * 2 + 1) * channels + c]);
      if (excited) dScale += k * (double(means.data()[n * channels + c]) - mean) * inverse;
    }
    sums.data()[c] = float(dShift);
    sums.data()[channels + c] = float(dScale);
    const double p = double(scale.data()[c]) * inverse, rows = positions * double(clips);
    for (int64_t n = 0; n < clips; ++n) {
      const double g = excited ? double(gate.data()[n * channels + c]) : 1.0, k = double(back[size_t(n * channels + c)]);
      float* to = coefficients.data() + n * 3 * channels + c;
      to[0] = float(p * g);
      to[channels] = float(p * (k / positions - dShift / rows + mean * inverse * dScale / rows));
      to[2 * channels] = float(-p * inverse * dScale / rows);
    }
  }
}

}  // namespace x3d
