// Squeeze-excite on statistics alone: the mean of norm(b) over a clip follows from the mean of b, and everything its
// gradient needs from sums by clip, so that no pass over activations is spent on it.
#include "gemm.h"
#include "kernel.h"
#include "moments.h"

namespace x3d {

// means [N, C], moments [2, C], scale, shift [C], reduce [C, R], its bias, expand [R, C], its bias -> gate [N, C],
// hidden [N, R].
void excite(Call& call) {
  const Tensor means = call.input(0), moments = call.input(1), scale = call.input(2), shift = call.input(3),
               reduce = call.input(4), reduceBias = call.input(5), expand = call.input(6), expandBias = call.input(7);
  const int64_t clips = means.dim(0), channels = means.dim(1), width = reduce.dim(1);
  const Tensor gate = call.output(0, {clips, channels}), hidden = call.output(1, {clips, width});
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

// sums by clip [N, 2, C] of the gradient of gate * norm(b), and of it times the standardised b; means [N, C], moments
// [2, C], scale, shift; gate [N, C], hidden [N, R], reduce, expand (the four empty without squeeze-excite)
// -> coefficients [N, 3, C] of b's gradient (p, q, r: times the gradient, alone, times b), sums [2, C]: gradients of
// shift and scale; gradients of reduce, its bias, expand, its bias. Attribute: positions of a clip.
void excite_grad(Call& call) {
  const Tensor clipSums = call.input(0), means = call.input(1), moments = call.input(2), scale = call.input(3),
               shift = call.input(4), gate = call.input(5), hidden = call.input(6), reduce = call.input(7),
               expand = call.input(8);
  const bool excited = gate.present();
  const int64_t clips = clipSums.dim(0), channels = clipSums.dim(2), width = excited ? reduce.dim(1) : 0;
  const double positions = double(call.attribute(0));
  const Tensor coefficients = call.output(0, {clips, 3, channels}), sums = call.output(1, {2, channels});
  const Tensor dReduce = call.output(2, {excited ? channels : 0, width}), dReduceBias = call.output(3, {width});
  const Tensor dExpand = call.output(4, {width, excited ? channels : 0});
  const Tensor dExpandBias = call.output(5, {excited ? channels : 0});
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
