package dev.nudge.export;

import dev.nudge.gguf.GgufType;
import dev.nudge.settings.verb.ExportSettings.Type;

/// Chooses the type of each tensor as llama.cpp's quantiser does [1].
///
/// Vectors are F32. With packed types the output matrix, or the embedding where it is both, gets 6
/// bits; with Q4_K and Q5_K half of `attn_v` and `ffn_down` do, those of the first and the last
/// layers among them. A matrix whose rows are no whole number of blocks of 256 gets the type of
/// blocks of 32 that is next above; one that does not fit these either is F16.
///
/// [1] llama-quant.cpp: Q4_K is its Q4_K_M, Q5_K its Q5_K_M (2026)
///
/// @param wanted type of most matrices
/// @param layers of the model
/// @param tied whether the embedding is the output matrix too
record MatrixTypes(Type wanted, int layers, boolean tied) {
  /// The type of a tensor.
  ///
  /// @param name GGUF's
  /// @param layer −1: none
  /// @param shape (rows, columns)
  GgufType of(String name, int layer, long[] shape) {
    if (shape.length == 1) {
      return GgufType.F32;
    }
    return fitting(mixed(name, layer), shape[1]);
  }

  private GgufType mixed(String name, int layer) {
    GgufType usual = GgufType.valueOf(wanted.name());
    if (usual.isFloat() || wanted == Type.Q8_0) {
      return usual;
    }
    boolean five = wanted == Type.Q5_K;
    if (name.equals("output.weight") || (tied && name.equals("token_embd.weight"))) {
      return GgufType.Q6_K;
    }
    if (wanted != Type.Q4_K && !five) {
      return usual;
    }
    if (name.endsWith(".attn_qkv.weight")) {
      return five ? GgufType.Q6_K : GgufType.Q5_K;
    }
    boolean sensitive = name.endsWith(".attn_v.weight") || name.endsWith(".ffn_down.weight");
    return sensitive && hasMoreBits(layer) ? GgufType.Q6_K : usual;
  }

  private boolean hasMoreBits(int layer) {
    int eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
  }

  private static GgufType fitting(GgufType type, long cols) {
    if (cols % type.block() == 0) {
      return type;
    }
    GgufType smaller =
        switch (type) {
          case Q4_K -> GgufType.Q5_0;
          case Q5_K -> GgufType.Q5_1;
          case Q6_K -> GgufType.Q8_0;
          default -> GgufType.F16;
        };
    return cols % smaller.block() == 0 ? smaller : GgufType.F16;
  }

  /// The number of `general.file_type`.
  int fileType() {
    return switch (wanted) {
      case F32 -> 0;
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q4_1 -> 3;
      case Q8_0 -> 7;
      case Q4_K -> 15;
      case Q5_K -> 17;
      case Q6_K -> 18;
      case BF16 -> 32;
    };
  }
}
