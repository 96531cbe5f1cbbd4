package dev.nudge.adapter.targets;

/// A linear layer's path and shape.
///
/// @param path as the checkpoint spells it, `model.layers.0.self_attn.q_proj`
/// @param in features of its input
/// @param out features of its output
public record LayerShape(String path, int in, int out) {
  int smaller() {
    return Math.min(in, out);
  }

  int larger() {
    return Math.max(in, out);
  }
}
