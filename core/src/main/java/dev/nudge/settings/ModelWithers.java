package dev.nudge.settings;

import java.nio.file.Path;

/// Changes the model and the machine.
///
/// @param <S> the record that holds them
public interface ModelWithers<S extends Record> extends Withers<S> {
  /// The model folder.
  default S withModel(Path folder) {
    return with("model", folder);
  }

  /// How the frozen weights are kept in memory.
  default S withQuantize(Quantize method) {
    return with("quantize", method);
  }

  /// Whether the scales of nf4 are quantised too.
  default S withDoubleQuant(boolean nested) {
    return with("double_quant", nested);
  }

  /// The type of the computation.
  default S withCompute(Compute type) {
    return with("compute", type);
  }

  /// Sequences computed side by side.
  default S withLanes(int lanes) {
    return with("lanes", lanes);
  }

  /// Processor threads in all.
  default S withThreads(int threads) {
    return with("threads", threads);
  }

  /// The longest row in tokens, end token counted.
  default S withMaxLength(int tokens) {
    return with("max_length", tokens);
  }

  /// Whether an adapter is taken whatever base it was trained on.
  default S withAnyBase(boolean any) {
    return with("any_base", any);
  }
}
