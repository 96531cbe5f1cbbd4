package dev.nudge.merge;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.nio.file.Path;
import java.util.List;

/// The result of a merge.
///
/// @param accepted whether the difference is within the tolerance and the folder was written
/// @param adapters folder and scale factor of each, in order
/// @param layers linear layers whose weights changed
/// @param bytes of the tensors that were written
/// @param difference between the written folder and base + adapters
/// @param tolerance maximum mean KL divergence
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

  /// One merged adapter and its scale factor.
  public record Part(Path adapter, double scale) {}
}
