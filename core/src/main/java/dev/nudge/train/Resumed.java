package dev.nudge.train;

import dev.nudge.format.Json;
import dev.nudge.machine.Backend;
import dev.nudge.settings.TrainSettings;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A run that goes on: where from, and whether it will end as if it had never been away.
///
/// @param found the checkpoint
/// @param layout flags of layout that were given otherwise than when the run began
/// @param here where it is computed now
public record Resumed(RunCheckpoints.Found found, List<String> layout, RunCheckpoint.Place here) {

  static Resumed of(RunCheckpoints.Found found, TrainSettings settings, Backend backend) {
    return new Resumed(
        found, found.checkpoint().otherLayout(Json.tree(settings.values())), place(backend));
  }

  private RunCheckpoint.Place made() {
    return found.checkpoint().made();
  }

  /// The step that the run goes on behind.
  public int step() {
    return found.checkpoint().step();
  }

  /// Why the layout cannot be that of before; null where it is.
  @Nullable String anew() {
    if (!made().processor().equals(here.processor())) {
      return "this processor is of another kind than the one it began on";
    }
    if (!made().backend().equals(here.backend())) {
      return "it began with " + made().backend() + " and this is " + here.backend();
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
    if (anew != null) {
      lines.add(
          "the run goes on with a layout made anew, as "
              + anew
              + ": it is not bit-equal to one that was never interrupted");
    } else if (!made().nudge().equals(here.nudge()) || !made().java().equals(here.java())) {
      lines.add(
          "the run began with nudge %s on Java %s and goes on with nudge %s on Java %s: it may not be bit-equal to one that was never interrupted"
              .formatted(made().nudge(), made().java(), here.nudge(), here.java()));
    }
    return lines;
  }

  /// Where this process computes.
  static RunCheckpoint.Place place(Backend backend) {
    String version = Resumed.class.getPackage().getImplementationVersion();
    return new RunCheckpoint.Place(
        backend.processor(),
        backend.name(),
        version == null ? "unknown" : version,
        Runtime.version().toString());
  }
}
