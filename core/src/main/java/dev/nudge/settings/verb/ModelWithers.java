package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;
import java.nio.file.Path;

/// Withers for the model and the machine.
///
/// @param <S> the record that holds them
public interface ModelWithers<S extends Record> extends Withers<S> {
  /// The model folder.
  default S withModel(Path folder) {
    return with("model", folder);
  }

  /// The quantisation of the frozen weights in memory.
  default S withQuantize(Quantize method) {
    return with("quantize", method);
  }

  /// Whether double quantisation is used: the scales of nf4 are quantised too.
  default S withDoubleQuant(boolean nested) {
    return with("double_quant", nested);
  }

  /// The data type of the computation.
  default S withCompute(Compute type) {
    return with("compute", type);
  }

  /// The sequences computed in parallel.
  default S withLanes(int lanes) {
    return with("lanes", lanes);
  }

  /// The processor threads in all.
  default S withThreads(int threads) {
    return with("threads", threads);
  }

  /// The longest row in tokens, end token included.
  default S withMaxLength(int tokens) {
    return with("max_length", tokens);
  }
}
