package dev.nudge.generate;

import dev.nudge.adapter.FolderDigests;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.SingleRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.RowScore;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A loaded model for rows that come one by one, each with its own adapter: it gives the answers,
/// scores and embeddings that `generate` and `score` give for a file of such rows.
///
/// Threading: any number of threads, each with streams of its own; [#close] once they are closed.
public final class TableModel implements AutoCloseable {
  private static final int AHEAD = 64; // answers that one stream has under way
  private static final int SCORED = 256; // rows that are scored together

  private final Session session;
  private final Consumer<String> warnings;
  private final FolderDigests digests = new FolderDigests();

  /// A row.
  ///
  /// @param number its place among all rows, from 0, on which draws depend
  /// @param json the row, a JSON object
  /// @param adapter a PEFT folder or a run's; null: the base model
  /// @param problem why it is not a valid row, in one line; null: no problem known
  public record Row(long number, String json, @Nullable Path adapter, @Nullable String problem) {
    /// A row without a known problem.
    public Row(long number, String json, @Nullable Path adapter) {
      this(number, json, adapter, null);
    }
  }

  private TableModel(Session session, Consumer<String> warnings) {
    this.session = session;
    this.warnings = warnings;
  }

  /// Loads a model.
  ///
  /// @param adapter whose tokenizer is taken if it brings one; null: the model's
  /// @param memory as [GenerateSettings#memory]
  /// @param warnings receives one line per warning
  public static TableModel open(
      ModelSettings settings,
      @Nullable Path adapter,
      @Nullable ByteSize memory,
      Machine machine,
      Consumer<String> warnings) {
    return new TableModel(
        Session.load(
            settings,
            null,
            Session.tokenizer(settings.model(), adapter, machine),
            memory,
            machine,
            warnings),
        warnings);
  }

  /// Checks settings as far as no weights are needed for it.
  ///
  /// @param warnings receives one line per warning
  /// @throws InputException if the model, its adapter, a pattern or a template is wrong
  public static void check(GenerateSettings settings, Machine machine, Consumer<String> warnings) {
    check(
        settings.model(),
        settings.adapter(),
        machine,
        (tokenizer, maxLength) ->
            RowForms.prompts(settings, Instant.now(), tokenizer, maxLength, warnings));
  }

  /// The same of settings for scoring.
  public static void check(ScoreSettings settings, Machine machine, Consumer<String> warnings) {
    check(
        settings.model(),
        settings.adapter(),
        machine,
        (tokenizer, maxLength) ->
            RowForms.examples(settings, Instant.now(), tokenizer, maxLength, warnings));
  }

  private static void check(
      ModelSettings settings,
      @Nullable Path adapter,
      Machine machine,
      BiFunction<Tokenizer, Integer, RowForms<?>> forms) {
    Path folder = settings.model();
    int maxLength = Session.maxLength(settings, ModelConfig.load(folder));
    forms.apply(Session.tokenizer(folder, adapter, machine), maxLength).of(adapter);
  }

  /// Completes the rows' prompts.
  ///
  /// @param settings whose model, adapter and data are not read
  /// @param day the date for templates that write it
  /// @return the `n` completions of each row
  /// @throws InputException if a pattern, a template or a grammar of the settings is wrong
  public RowStream<List<Completion>> generate(
      GenerateSettings settings, Instant day, Iterator<Row> rows) {
    var forms = prompts(settings, day);
    Map<Integer, Generation> generations = new HashMap<>(); // by the token that ends turns, or −1
    Function<Integer, Generation> made =
        end -> new Generation(session, settings.sampling(), end < 0 ? null : end);
    generations.put(-1, made.apply(-1)); // the settings are checked before any row
    int n = settings.sampling().n();
    return new RowStream<>(
        rows,
        AHEAD,
        row -> {
          var form = forms.of(row.adapter());
          SingleRows.Prompt prompt = form.read().apply(row.json());
          forms.told(row.adapter(), prompt.spoken());
          Integer end = prompt.spoken() ? form.chat().turnEnd() : null;
          Generation by = generations.computeIfAbsent(end == null ? -1 : end, made);
          return holding(
              row,
              prompt.ids(),
              (lease, attachment) -> {
                Answers answers = new Answers(lease, new ArrayList<>());
                try {
                  for (int i = 0; i < n; i++) {
                    long draws = Sampler.sequence(row.number(), i);
                    answers.wanted.add(by.ask(prompt.ids(), attachment, draws, _ -> {}));
                  }
                  return answers;
                } catch (RuntimeException | Error e) {
                  answers.cancel();
                  throw e;
                }
              });
        });
  }

  /// Embeds the rows' prompts.
  ///
  /// @param settings whose model, adapter, data and sampling are not read
  public RowStream<float[]> embed(GenerateSettings settings, Instant day, Iterator<Row> rows) {
    var forms = prompts(settings, day);
    return new RowStream<>(
        rows,
        1,
        row -> {
          int[] ids = forms.of(row.adapter()).read().apply(row.json()).ids();
          return holding(row, ids, (lease, attachment) -> new Embedded(lease, ids, attachment));
        });
  }

  /// Scores the rows' completions.
  ///
  /// @param settings whose model, adapter and data are not read
  public RowStream<RowScore> score(ScoreSettings settings, Instant day, Iterator<Row> rows) {
    var forms = examples(settings, day);
    ScoredTogether together = new ScoredTogether(session, settings.model().lanes());
    return new RowStream<>(
        rows,
        SCORED,
        row -> {
          Example example = forms.of(row.adapter()).read().apply(row.json());
          return holding(row, example.ids(), (lease, attachment) -> together.add(example, lease));
        });
  }

  private RowForms<SingleRows.Prompt> prompts(GenerateSettings settings, Instant day) {
    return RowForms.prompts(settings, day, session.tokenizer(), session.maxLength(), warnings);
  }

  private RowForms<Example> examples(ScoreSettings settings, Instant day) {
    return RowForms.examples(settings, day, session.tokenizer(), session.maxLength(), warnings);
  }

  private interface Starts<T> {
    RowStream.Pending<T> start(
        AdapterCache.@Nullable Lease lease, NamedAdapters.Attachment attachment);
  }

  /// Begins a row, which holds its adapter from now on.
  private <T> RowStream.Pending<T> holding(Row row, int[] ids, Starts<T> starts) {
    Path folder = row.adapter();
    AdapterCache.Lease lease = folder == null ? null : lease(folder);
    Lock held = session.hold();
    try {
      check(ids, lease == null ? session.base().vocabSize() : lease.vocabulary());
      return starts.start(
          lease, lease == null ? NamedAdapters.Attachment.BASE : lease.attachment());
    } catch (RuntimeException | Error e) {
      close(lease);
      throw e;
    } finally {
      held.unlock();
    }
  }

  private AdapterCache.Lease lease(Path folder) {
    String digest = digests.digest(folder);
    return adapters()
        .lease(
            digest,
            folder,
            "adapter " + folder,
            () -> digests.digest(folder).equals(digest),
            "the folder " + folder);
  }

  private static void check(int[] ids, int vocabulary) {
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new InputException(
            "the row has token %d, and there are tokens 0 to %d".formatted(id, vocabulary - 1));
      }
    }
  }

  static void close(AdapterCache.@Nullable Lease lease) {
    if (lease != null) {
      lease.close();
    }
  }

  /// Answers under way.
  private record Answers(AdapterCache.@Nullable Lease lease, List<Generation.Pending> wanted)
      implements RowStream.Pending<List<Completion>> {
    @Override
    public List<Completion> get() {
      try {
        return wanted.stream().map(Generation.Pending::await).toList();
      } finally {
        cancel(); // does nothing where all have ended
      }
    }

    @Override
    public void cancel() {
      wanted.forEach(one -> one.ticket().cancel());
      wanted.forEach(Generation.Pending::end);
      close(lease);
    }
  }

  /// A text to embed, once it is waited for.
  private final class Embedded implements RowStream.Pending<float[]> {
    private final AdapterCache.@Nullable Lease lease;
    private final int[] ids;
    private final NamedAdapters.Attachment attachment;

    Embedded(AdapterCache.@Nullable Lease lease, int[] ids, NamedAdapters.Attachment attachment) {
      this.lease = lease;
      this.ids = ids;
      this.attachment = attachment;
    }

    @Override
    public float[] get() {
      Lock held = session.hold();
      try {
        return session.engine().embedBy(ids, attachment);
      } finally {
        held.unlock();
        cancel();
      }
    }

    @Override
    public void cancel() {
      TableModel.close(lease);
    }
  }

  AdapterCache adapters() {
    return session.cache();
  }

  /// Frees all memory.
  @Override
  public void close() {
    session.close();
  }
}
