package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.GenerateSettings;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Completes the prompts of [GenerateSettings], one or those of a data file. The `generate` command
/// and `Nudge.generate` both call it.
public final class Completions {
  private Completions() {}

  /// A completion and the index of its row.
  ///
  /// @param index index of the row, from 0, bad rows counted; 0 for a single prompt
  /// @param choice index of the completion among the prompt's `n`, from 0; null: `n` is 1
  public record Row(
      long index,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Integer choice,
      @JsonUnwrapped Completion completion) {
    /// The only completion of a prompt.
    public Row(long index, Completion completion) {
      this(index, null, completion);
    }
  }

  /// All completions, and the seconds they took without loading.
  public record Done(List<Row> rows, double seconds) {}

  /// A listener to completions; each method does nothing by default.
  public interface Watcher {
    /// Receives a finished completion, in order.
    default void row(Row row) {}

    /// Receives the text of a single prompt as it is decoded, whole characters only.
    default void piece(String piece) {}

    /// Receives a note on how rows are read.
    default void note(String line) {}

    /// Receives a warning.
    default void warn(String line) {}
  }

  /// Loads the model, completes all prompts and frees the memory.
  ///
  /// @param standardInput the rows if the data file is `-`; null: `-` is refused
  /// @throws dev.nudge.settings.InputException if settings, model or data are wrong
  /// @throws dev.nudge.settings.RunException if an interrupt left prompts without a completion
  public static Done of(
      GenerateSettings settings,
      Machine machine,
      @Nullable InputStream standardInput,
      Watcher watcher) {
    try (PromptBatch asked = PromptBatch.open(settings, machine, standardInput, watcher)) {
      Generation generation = new Generation(asked.session(), settings.sampling(), asked.turnEnd());
      int n = settings.sampling().n();
      long start = System.nanoTime();
      List<Row> done = new ArrayList<>();
      if (settings.rows() == null && n == 1) { // its text is told as it comes
        int[] prompt = asked.prompts().getFirst().ids();
        done.add(new Row(0, generation.complete(prompt, watcher::piece)));
        watcher.row(done.getLast());
      } else {
        generation.completeAll(
            asked.prompts().stream().map(PromptBatch.Prompt::ids).toList(),
            (completion, i) -> {
              long index = asked.prompts().get(i / n).index();
              done.add(new Row(index, n == 1 ? null : i % n, completion));
              watcher.row(done.getLast());
            });
      }
      return new Done(List.copyOf(done), seconds(start));
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }
}
