package dev.nudge.cli;

import dev.nudge.runs.RunStore;
import java.util.List;
import java.util.function.Consumer;

/// Opens the runs under folders: what the verbs of `nudge runs` want of the library.
interface RunStores {
  String ROOTS = "folder to look for runs in; may be given several times (default: this one)";
  String RUN = "a run: its id, the start of its id, or its folder";

  /// @param roots folders as they were given; none: the current one
  /// @param warnings told one line for each run that cannot be read
  RunStore under(List<String> roots, Consumer<String> warnings);
}
