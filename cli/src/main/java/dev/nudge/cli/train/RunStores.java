package dev.nudge.cli.train;

import dev.nudge.runs.RunStore;
import java.util.List;
import java.util.function.Consumer;

/// Opens the training runs below folders, for the verbs of `nudge runs`.
public interface RunStores {
  String ROOTS = "folder to look for runs in; may be given several times (default: this one)";
  String RUN = "a run: its id, the start of its id, or its folder";

  /// @param roots folders as given; empty: the working directory
  /// @param warnings receives one line for each unreadable run
  RunStore under(List<String> roots, Consumer<String> warnings);
}
