package dev.nudge.train.checkpoint;

import dev.nudge.format.Json;
import dev.nudge.machine.Backend;
import dev.nudge.settings.train.TrainSettings;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The checkpoint that a run resumes from, and whether the result will be bit-identical.
///
/// @param found the checkpoint
/// @param layout layout flags that differ from those at the start of the run
/// @param here processor and software of this process
public record Resumed(RunCheckpoints.Found found, List<String> layout, RunCheckpoint.Place here) {

  public static Resumed of(
      RunCheckpoints.Found found, TrainSettings settings, Backend backend, int ranks) {
    List<String> layout =
        new ArrayList<>(found.checkpoint().otherLayout(Json.tree(settings.values())));
    if (found.checkpoint().plan().ranks() != ranks) {
      layout.add("the number of ranks");
    }
    return new Resumed(found, List.copyOf(layout), place(backend));
  }

  private RunCheckpoint.Place made() {
    return found.checkpoint().made();
  }

  /// The step after which the run resumes.
  public int step() {
    return found.checkpoint().step();
  }

  /// Why the earlier layout cannot be used; null if it can.
  public @Nullable String anew() {
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

  /// Warnings before the run resumes, one line each.
  ///
  /// @param anew why the layout is planned anew; null if it is not
  public List<String> warnings(@Nullable String anew) {
    List<String> lines = new ArrayList<>();
    for (String torn : found.torn()) {
      lines.add(
          "checkpoint %s; the run goes on from %s".formatted(torn, found.folder().getFileName()));
    }
    if (anew != null) {
      lines.add(
          "the run resumes with a new layout, as "
              + anew
              + ": it is not bit-identical to an uninterrupted run");
    } else if (!made().nudge().equals(here.nudge()) || !made().java().equals(here.java())) {
      lines.add(
          "the run began with nudge %s on Java %s and goes on with nudge %s on Java %s: it may not be bit-equal to one that was never interrupted"
              .formatted(made().nudge(), made().java(), here.nudge(), here.java()));
    }
    return lines;
  }

  /// Processor and software of this process.
  public static RunCheckpoint.Place place(Backend backend) {
    String version = Resumed.class.getPackage().getImplementationVersion();
    return new RunCheckpoint.Place(
        backend.processor(),
        backend.name(),
        version == null ? "unknown" : version,
        Runtime.version().toString());
  }
}
