package dev.nudge.bench;

import dev.nudge.model.ModelConfig;
import dev.nudge.model.RopeParameters;
import java.util.List;

/// Shapes of models that are measured without their weights.
final class Shapes {
  static final ModelConfig SMOLLM2_135M =
      new ModelConfig(
          576,
          1536,
          30,
          9,
          3,
          64,
          49152,
          8192,
          1e-5,
          true,
          false,
          false,
          new RopeParameters.Default(100_000),
          1,
          List.of(2));

  private Shapes() {}
}
