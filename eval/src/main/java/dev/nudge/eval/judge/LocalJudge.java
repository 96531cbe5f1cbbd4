package dev.nudge.eval.judge;

import dev.nudge.data.ChatRows;
import dev.nudge.format.FolderText;
import dev.nudge.format.Sha256;
import dev.nudge.generate.Likelihoods;
import dev.nudge.generate.Session;
import dev.nudge.identity.BaseDigest;
import dev.nudge.machine.Machine;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ObjIntConsumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.BooleanNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Judges with a local model, by likelihood: the verdict is the likeliest of `A`, `B` and `TIE`,
/// each scored with the end-of-turn token. Every verdict is readable and nothing is sampled; the
/// model does not reason first.
///
/// If `A` and `B` are equally likely and likelier than `TIE`, the verdict is a tie. The prompt
/// goes through the model's chat template with a fixed date, so verdicts do not change from day to
/// day.
///
/// Threading: one thread at a time.
public final class LocalJudge implements Judge {
  private static final Instant DAY = Instant.parse("2026-01-01T00:00:00Z");
  private static final Map<String, JsonNode> NO_THOUGHT =
      Map.of("enable_thinking", BooleanNode.FALSE);

  private final Session session;
  private final ChatRows rows;
  private final Rubric rubric;
  private final String identity;

  private LocalJudge(Session session, ChatRows rows, Rubric rubric, String weights) {
    this.session = session;
    this.rows = rows;
    this.rubric = rubric;
    this.identity =
        String.join(
            "\n",
            "model",
            weights,
            String.valueOf(session.backend().compute()),
            session.tokenizer().digest(),
            Sha256.of(rows.template().text().getBytes(StandardCharsets.UTF_8)),
            rubric.text());
  }

  /// Checks that a folder holds a model that can judge, without loading weights.
  ///
  /// @throws InputException in one line, if the model cannot judge
  public static void check(Path folder, Machine machine) {
    if (!FolderText.isFolder(folder)) {
      throw new InputException(
          "--judge %s is no folder; give a model folder, or a URL that begins with http:// or https://"
              .formatted(folder));
    }
    try {
      Checkpoint.check(folder, ModelConfig.load(folder));
      if (!ChatTemplate.isIn(folder)) {
        throw new InputException(
            folder
                + " has no chat template; a judge has to follow what it is told, so give a model"
                + " that was taught to");
      }
      Tokenizer tokenizer = Session.tokenizer(folder, null, machine);
      ChatRows.of(folder, null, null, TrainOn.ASSISTANT, tokenizer).template();
    } catch (InputException e) {
      throw new InputException("--judge: " + e.getMessage(), e);
    }
  }

  /// Loads the judge model.
  ///
  /// @param warnings receives one line each
  /// @throws InputException in one line, if the model cannot judge
  public static LocalJudge load(
      ModelSettings settings, Rubric rubric, Machine machine, Consumer<String> warnings) {
    Path folder = settings.model();
    Tokenizer tokenizer = Session.tokenizer(folder, null, machine);
    ChatRows rows = ChatRows.of(folder, null, null, TrainOn.ASSISTANT, tokenizer).on(DAY);
    rows.template();
    String weights =
        "%s %s %s"
            .formatted(
                BaseDigest.withConfig(folder, machine.cache()),
                settings.quantize(),
                settings.doubleQuant());
    Session session = Session.load(settings, null, tokenizer, null, machine, warnings);
    return new LocalJudge(session, rows, rubric, weights);
  }

  @Override
  public String identity() {
    return identity;
  }

  @Override
  public void ask(List<Question> questions, ObjIntConsumer<Reply> told) {
    List<Likelihoods.Item> items = new ArrayList<>();
    List<Integer> of = new ArrayList<>(); // question of each group of three items
    for (int i = 0; i < questions.size(); i++) {
      try {
        items.addAll(items(questions.get(i)));
        of.add(i);
      } catch (IllegalArgumentException e) {
        told.accept(new Reply(null, "not asked: " + e.getMessage()), i);
      }
    }
    int each = Choice.values().length;
    double[] logprobs = new double[items.size()];
    int[] known = new int[of.size()];
    Likelihoods.of(
        session,
        null,
        items,
        (score, item) -> {
          if (Double.isNaN(score.logprob())) {
            throw new RunException("the judge's weights have numbers that are none");
          }
          logprobs[item] = score.logprob();
          int question = item / each;
          if (++known[question] == each) {
            int from = question * each;
            told.accept(reply(Arrays.copyOfRange(logprobs, from, from + each)), of.get(question));
          }
        });
  }

  /// Returns the three scored continuations, in the order of [Choice].
  private List<Likelihoods.Item> items(Question question) {
    ArrayNode messages = JsonNodeFactory.instance.arrayNode();
    messages.addObject().put("role", "user").put("content", rubric.of(question));
    int[] prompt = rows.prompt(messages, null, NO_THOUGHT).ids();
    @Nullable Integer end = rows.turnEnd();
    List<Likelihoods.Item> items = new ArrayList<>();
    for (Choice choice : Choice.values()) {
      int[] word = session.tokenizer().ids(choice.name(), false);
      int n = prompt.length + word.length + (end == null ? 0 : 1);
      if (n > session.maxLength()) {
        throw new IllegalArgumentException(
            "the question has %d tokens, and the judge takes %d".formatted(n, session.maxLength()));
      }
      int[] ids = Arrays.copyOf(prompt, n);
      System.arraycopy(word, 0, ids, prompt.length, word.length);
      if (end != null) {
        ids[n - 1] = end;
      }
      items.add(new Likelihoods.Item(ids, prompt.length));
    }
    return items;
  }

  private static Reply reply(double[] logprobs) {
    double a = logprobs[Choice.A.ordinal()];
    double b = logprobs[Choice.B.ordinal()];
    double tie = logprobs[Choice.TIE.ordinal()];
    Choice choice = tie >= Math.max(a, b) || a == b ? Choice.TIE : a > b ? Choice.A : Choice.B;
    return new Reply(choice, String.format(Locale.ROOT, "A %.4f, B %.4f, TIE %.4f", a, b, tie));
  }

  @Override
  public void close() {
    session.close();
  }
}
