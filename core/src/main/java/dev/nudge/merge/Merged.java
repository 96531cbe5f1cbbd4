package dev.nudge.merge;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.nio.file.Path;
import java.util.List;

/// Says what came of a merge.
///
/// @param accepted whether the difference is within the tolerance and the folder in its place
/// @param adapters folder and factor of each, in their order
/// @param layers linear layers whose weights were made anew
/// @param bytes of the tensors that were written
/// @param difference of the written folder from base + adapter
/// @param tolerance most mean KL
public record Merged(
    boolean accepted,
    Path out,
    List<Part> adapters,
    int layers,
    long bytes,
    @JsonUnwrapped ModelDifference difference,
    double tolerance,
    double seconds) {

  public Merged {
    adapters = List.copyOf(adapters);
  }

  /// One merged adapter and its factor.
  public record Part(Path adapter, double scale) {}
}
