package dev.nudge.generate;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.nudge.data.Prompts;
import dev.nudge.machine.Machine;
import dev.nudge.model.ModelConfig;
import dev.nudge.settings.Count;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.GenerateSettings;
import dev.nudge.text.Tokenizer;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Completes what [GenerateSettings] ask for: one prompt, or the prompts of rows. The command's
/// `generate` and `Nudge.generate` both call it.
public final class Completions {
  private Completions() {}

  /// A completion and the row that it belongs to.
  ///
  /// @param index of the row, from 0, bad rows counted; 0 where one prompt was asked for
  /// @param choice which completion of the prompt, from 0; null where one was asked for
  public record Row(
      long index,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Integer choice,
      @JsonUnwrapped Completion completion) {
    /// The only completion of a prompt.
    public Row(long index, Completion completion) {
      this(index, null, completion);
    }
  }

  /// Completions and the seconds that they took, loading apart.
  public record Done(List<Row> rows, double seconds) {}

  /// Is told what happens meanwhile; each method does nothing by itself.
  public interface Watcher {
    /// Takes a completion, in order, when it is done.
    default void row(Row row) {}

    /// Takes the text of one prompt as it comes, whole characters only.
    default void piece(String piece) {}

    /// Takes a line on how rows are read.
    default void note(String line) {}

    /// Takes a line on what may be wrong.
    default void warn(String line) {}
  }

  /// Loads the model, completes, and frees all.
  ///
  /// @param standardInput read where the rows' file is `-`; null: that is refused
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can mend
  /// @throws dev.nudge.settings.RunException where an interrupt left rows that were not completed
  public static Done of(
      GenerateSettings settings,
      Machine machine,
      @Nullable InputStream standardInput,
      Watcher watcher) {
    DataSettings data = settings.rows();
    return data == null
        ? one(settings, machine, watcher)
        : many(settings, data, machine, standardInput, watcher);
  }

  private static Done one(GenerateSettings settings, Machine machine, Watcher watcher) {
    try (Session session =
        Session.load(
            settings.model(),
            settings.adapter(),
            null,
            settings.memory(),
            machine,
            watcher::warn)) {
      if (settings.memory() != null) {
        watcher.note(session.plan());
      }
      Generation generation = new Generation(session, settings.sampling());
      String prompt = Objects.requireNonNull(settings.prompt());
      AdapterPatterns.check(prompt, settings.adapter(), settings.model().anyBase(), watcher::warn);
      long start = System.nanoTime();
      if (settings.sampling().n() == 1) {
        Row row = new Row(0, generation.complete(prompt, watcher::piece));
        watcher.row(row);
        return new Done(List.of(row), seconds(start));
      }
      List<Row> rows = new ArrayList<>();
      generation.complete(
          List.of(prompt),
          (completion, i) -> {
            rows.add(new Row(0, i, completion));
            watcher.row(rows.getLast());
          });
      return new Done(List.copyOf(rows), seconds(start));
    }
  }

  private static Done many(
      GenerateSettings settings,
      DataSettings data,
      Machine machine,
      @Nullable InputStream standardInput,
      Watcher watcher) {
    Path model = settings.model().model();
    int maxLength = Session.maxLength(settings.model(), ModelConfig.load(model));
    Tokenizer tokenizer = Session.tokenizer(model, settings.adapter(), machine);
    AdapterPatterns patterns =
        AdapterPatterns.of(
            data, settings.adapter(), settings.model().anyBase(), watcher::note, watcher::warn);
    Prompts prompts = patterns.read(d -> Prompts.load(d, standardInput, maxLength, tokenizer));
    if (prompts.badRows() > 0) {
      watcher.warn(setAside(prompts));
    }
    List<Row> done = new ArrayList<>();
    try (Session session =
        Session.load(
            settings.model(),
            settings.adapter(),
            tokenizer,
            settings.memory(),
            machine,
            watcher::warn)) {
      if (settings.memory() != null) {
        watcher.note(session.plan());
      }
      long start = System.nanoTime();
      new Generation(session, settings.sampling())
          .complete(
              prompts.prompts().stream().map(Prompts.Prompt::text).toList(),
              (completion, i) -> {
                int n = settings.sampling().n();
                long index = prompts.prompts().get(i / n).index();
                done.add(new Row(index, n == 1 ? null : i % n, completion));
                watcher.row(done.getLast());
              });
      return new Done(List.copyOf(done), seconds(start));
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static String setAside(Prompts prompts) {
    int bad = prompts.badRows();
    return Count.of(bad, "bad row", "is", "are")
        + " set aside, the first: "
        + prompts.firstBadRows().getFirst();
  }
}
