package dev.nudge.train;

import dev.nudge.format.Json;
import dev.nudge.machine.Processor;
import dev.nudge.settings.Compute;
import dev.nudge.settings.TrainSettings;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A run that goes on: where from, and whether it will end as if it had never been away.
///
/// @param found the checkpoint
/// @param layout flags of layout that were given otherwise than when the run began
/// @param processor kind of this machine's processor
public record Resumed(RunCheckpoints.Found found, List<String> layout, String processor) {

  static Resumed of(RunCheckpoints.Found found, TrainSettings settings) {
    return new Resumed(
        found, found.checkpoint().otherLayout(Json.tree(settings.values())), Processor.here());
  }

  private RunCheckpoint.Place made() {
    return found.checkpoint().made();
  }

  /// The step that the run goes on behind.
  public int step() {
    return found.checkpoint().step();
  }

  /// Whether it is computed on the kind of processor that it began on.
  boolean here() {
    return made().processor().equals(processor);
  }

  /// The compute type that the run began with.
  Compute compute() {
    return made().backend().startsWith("bf16") ? Compute.BF16 : Compute.FP32;
  }

  /// Why the layout cannot be that of before; null where it is.
  @Nullable String anew(String backend) {
    if (!here()) {
      return "this processor is of another kind than the one it began on";
    }
    if (!made().backend().equals(backend)) {
      return "it began with " + made().backend() + " and this is " + backend;
    }
    return layout.isEmpty()
        ? null
        : String.join(" and ", layout) + (layout.size() == 1 ? " is" : " are") + " another";
  }

  /// What a user should know before the run goes on, one line each.
  ///
  /// @param anew why its layout is made anew; null where it is not
  List<String> warnings(@Nullable String anew) {
    List<String> lines = new ArrayList<>();
    for (String torn : found.torn()) {
      lines.add(
          "checkpoint %s; the run goes on from %s".formatted(torn, found.folder().getFileName()));
    }
    RunCheckpoint.Place now = place("");
    if (anew != null) {
      lines.add(
          "the run goes on with a layout made anew, as "
              + anew
              + ": it is not bit-equal to one that was never interrupted");
    } else if (!made().nudge().equals(now.nudge()) || !made().java().equals(now.java())) {
      lines.add(
          "the run began with nudge %s on Java %s and goes on with nudge %s on Java %s: it may not be bit-equal to one that was never interrupted"
              .formatted(made().nudge(), made().java(), now.nudge(), now.java()));
    }
    return lines;
  }

  /// Where this process computes.
  static RunCheckpoint.Place place(String backend) {
    String version = Resumed.class.getPackage().getImplementationVersion();
    return new RunCheckpoint.Place(
        Processor.here(),
        backend,
        version == null ? "unknown" : version,
        Runtime.version().toString());
  }
}
