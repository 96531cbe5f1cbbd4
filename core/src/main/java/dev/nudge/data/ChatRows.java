package dev.nudge.data;

import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.Messages;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.tokens.Sequence;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.text.Encoded;
import dev.nudge.text.TextRange;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatException;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.text.chat.MessagePart;
import dev.nudge.text.chat.Rendered;
import dev.nudge.text.chat.Rendered.Missing;
import dev.nudge.text.chat.Trained;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Tokenises conversations by a chat template, with their label masks.
///
/// The rendered text is encoded as it is: it has the only beginning-of-text token, and user text
/// never becomes a special token. A token is trained if any of its characters is. If the last
/// answer has neither the tokenizer's end token (which a file may not mark as special) nor another
/// special token, the end token is added to it and trained, instead of what the template writes
/// there: otherwise the model would never learn to stop.
///
/// The template is loaded at the first conversation, so a model without one can read other rows.
///
/// Threading: any number of threads.
public final class ChatRows implements Conversations {
  private static final String CLOCK = "strftime_now"; // what a template asks for the time with

  private final Supplier<ChatTemplate> loaded;
  private final Tokenizer tokenizer;
  private final TrainOn trainOn;
  private final @Nullable LocalDateTime time; // null: when the template is loaded
  private @Nullable ChatTemplate template;
  private volatile boolean rendered;
  private volatile boolean lacksSystem; // a prompt began without a system message

  private ChatRows(
      Supplier<ChatTemplate> loaded,
      Tokenizer tokenizer,
      TrainOn trainOn,
      @Nullable LocalDateTime time) {
    this.time = time;
    this.loaded = loaded;
    this.tokenizer = tokenizer;
    this.trainOn = trainOn;
  }

  /// Opens the chat template of a model.
  ///
  /// @param data the settings that may name a template, and `trainOn`
  /// @throws InputException if a named template does not exist
  public static ChatRows of(Path model, DataSettings data, Tokenizer tokenizer) {
    return of(model, null, data.shape().template(), data.trainOn(), tokenizer);
  }

  /// Opens the chat template of a model with an adapter.
  ///
  /// @param adapter adapter whose template is preferred to the model's; null: none
  /// @param named file or name of a template preferred to both; null: none
  public static ChatRows of(
      Path model,
      @Nullable Path adapter,
      @Nullable String named,
      TrainOn trainOn,
      Tokenizer tokenizer) {
    Supplier<ChatTemplate> load = () -> ChatTemplate.load(model, adapter, named);
    ChatRows rows = new ChatRows(load, tokenizer, trainOn, null);
    if (named != null) {
      rows.template();
    }
    return rows;
  }

  /// Copies this with a fixed date for templates that write today's date, so that rows that are
  /// read again get the same tokens.
  ///
  /// @param at any moment of the day in UTC
  public ChatRows on(Instant at) {
    LocalDateTime day = LocalDate.ofInstant(at, ZoneOffset.UTC).atStartOfDay();
    return new ChatRows(loaded, tokenizer, trainOn, day);
  }

  /// Returns the template, loading it if necessary.
  ///
  /// @throws InputException if there is none
  public synchronized ChatTemplate template() {
    if (template == null) {
      template = time == null ? loaded.get() : loaded.get().withTime(time);
    }
    return template;
  }

  /// Warns if settings for conversations are given and no row is a conversation.
  ///
  /// @param shapes shapes of the rows
  public static void warnUnused(DataSettings data, SeenShapes shapes, Consumer<String> warnings) {
    warnUnused(data, shapes.spoken() > 0, warnings);
    if (data.trainOn() != TrainOn.ASSISTANT && shapes.conversations() == 0) {
      warnings.accept(
          "--train-on %s is not used: no row is a conversation of 'messages', and of others the completion or all of the text is trained"
              .formatted(data.trainOn().shown()));
    }
  }

  /// Warns if a template is named and no row is a conversation.
  ///
  /// @param spoken whether any row is one
  public static void warnUnused(DataSettings data, boolean spoken, Consumer<String> warnings) {
    if (data.shape().template() != null && !spoken) {
      warnings.accept(
          "--template %s is not used: no row has messages, and all are read as they stand"
              .formatted(data.shape().template()));
    }
  }

  /// The template, if it has rendered a conversation; else null.
  public @Nullable ChatTemplate used() {
    return rendered ? template() : null;
  }

  /// Whether any prompt had no system message.
  public boolean lacksSystem() {
    return lacksSystem;
  }

  /// The id of the template's end-of-turn token, which ends an answer too; null: unknown, or not in
  /// the vocabulary.
  public @Nullable Integer turnEnd() {
    String end = template().turnEnd();
    OptionalInt id = end == null ? OptionalInt.empty() : tokenizer.id(end);
    return id.isPresent() ? id.getAsInt() : null;
  }

  /// Checks that each message has a role and a content.
  ///
  /// @throws IllegalArgumentException with the number of a message that is malformed
  public static void checkMessages(ArrayNode messages) {
    try {
      Messages.checked("messages", messages);
    } catch (BadRowException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /// Warns if the template's end of turn is not a token of the model, which then reads it as
  /// several tokens in an order it has never seen.
  ///
  /// @param model the model folder, whose own template the warning may recommend
  public void warnStrange(Path model, Consumer<String> warnings) {
    String end = template().turnEnd();
    if (end == null || turnEnd() != null) {
      return;
    }
    warnings.accept(
        "%s ends turns with %s, which is no token of this model: it has to learn the marks from pieces%s"
            .formatted(
                template().place(),
                end,
                ChatTemplate.isIn(model) && !template().isOf(model)
                    ? "; the model's own template has marks that it knows"
                    : ""));
  }

  /// Whether a text contains special tokens, as a rendered conversation does.
  public boolean speaks(String text) {
    for (int id : tokenizer.encode(text, List.of()).ids()) {
      if (tokenizer.isSpecial(id)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Sequence conversation(ArrayNode messages, @Nullable ArrayNode tools) {
    return said(
        form -> {
          ArrayNode plain = form.apply(messages);
          Trained trained = Trained.of(template(), plain, tools, Map.of(), trainOn);
          whole(trained.rendered(), plain, tools);
          return tokens(trained, plain);
        });
  }

  @Override
  public Sequence answer(ArrayNode prompt, ArrayNode completion, @Nullable ArrayNode tools) {
    return said(
        form -> {
          ArrayNode asked = form.apply(prompt);
          ArrayNode answered = form.apply(completion);
          Trained trained = Trained.ofCompletion(template(), asked, answered, tools, Map.of());
          whole(trained.rendered(), asked.deepCopy().addAll(answered), tools);
          return tokens(trained, answered);
        });
  }

  @Override
  public Prompt prompt(ArrayNode messages, @Nullable ArrayNode tools) {
    return prompt(messages, tools, Map.of());
  }

  /// Renders and encodes a prompt.
  ///
  /// @param variables more template variables, such as `enable_thinking`
  public Prompt prompt(
      ArrayNode messages, @Nullable ArrayNode tools, Map<String, JsonNode> variables) {
    return said(
        form -> {
          ArrayNode plain = form.apply(messages);
          Rendered rendered = whole(template().render(plain, tools, true, variables), plain, tools);
          lacksSystem |= Messages.system(plain) == null;
          return new Prompt(rendered.text(), encoded(rendered).ids());
        });
  }

  /// Renders messages in the form of templates; if the template refuses arguments of calls as
  /// objects, as DeepSeek's does, as the texts that they are.
  private <T> T said(Function<UnaryOperator<ArrayNode>, T> work) {
    T made;
    try {
      made = work.apply(PlainMessages::of);
    } catch (ChatException e) {
      try {
        made = work.apply(PlainMessages::withTexts);
      } catch (ChatException again) {
        throw new IllegalArgumentException(String.valueOf(e.getMessage()), e);
      }
    }
    rendered = true;
    return made;
  }

  /// Refuses what stands nowhere in the text: a row would be trained without it, and nobody would
  /// know.
  private Rendered whole(Rendered rendered, ArrayNode messages, @Nullable ArrayNode tools) {
    if (tools != null && !tools.isEmpty() && !template().knowsTools()) {
      throw new IllegalArgumentException(
          "the template leaves out the tools; take them out of the row, or give another"
              + " --template");
    }
    List<Missing> missing = rendered.missing(messages);
    if (!missing.isEmpty()) {
      Missing first = missing.getFirst();
      String what =
          switch (first.part()) {
            case CALLS -> "the tool calls of message";
            case REASONING -> "the reasoning of message";
            case CONTENT, HEADER -> "message";
          };
      throw new IllegalArgumentException(
          "the template leaves out %s %d (%s); take it out of the conversation, or give another --template"
              .formatted(
                  what,
                  first.message() + 1,
                  messages.path(first.message()).path("role").asString("")));
    }
    return rendered;
  }

  private Encoded encoded(Rendered rendered) {
    return text(rendered).encode(tokenizer);
  }

  private static Sequence.Text text(Rendered rendered) {
    List<TextRange> users =
        rendered.spans().stream().map(span -> new TextRange(span.start(), span.end())).toList();
    return new Sequence.Text(rendered.text(), users);
  }

  private Sequence tokens(Trained trained, ArrayNode messages) {
    Sequence.Text text = text(trained.rendered());
    Encoded encoded = text.encode(tokenizer);
    int n = encoded.length();
    BitSet marks = new BitSet(n);
    double[] weights = trained.ofTokens(encoded.starts(), encoded.ends());
    int last = -1;
    boolean plain = true;
    for (int i = 0; i < n; i++) {
      if (weights[i] > 0) {
        marks.set(i, i > 0);
        plain &= weights[i] == 1;
        last = i;
      }
    }
    JsonNode said = messages.path(messages.size() - 1);
    boolean open =
        Messages.isAnswer(said)
            && Trained.weight(said) > 0
            && last > 0
            && !ends(encoded, marks, last, answerStart(trained.rendered()));
    if (!open) {
      return new Sequence(encoded.ids(), marks, plain ? null : weights, 0, text);
    }
    int[] ended = Arrays.copyOf(encoded.ids(), last + 2);
    ended[last + 1] = tokenizer.eosId();
    marks.set(last + 1);
    double[] more = Arrays.copyOf(weights, last + 2);
    more[last + 1] = weights[last];
    return new Sequence(ended, marks, plain ? null : more, 0, text);
  }

  /// Where the text of the last message begins, in code points as tokens do; 0: it has none.
  private static int answerStart(Rendered rendered) {
    int last = rendered.spans().stream().mapToInt(Rendered.Span::message).max().orElse(0);
    int start =
        rendered.spans().stream()
            .filter(span -> span.message() == last && span.part() != MessagePart.HEADER)
            .mapToInt(Rendered.Span::start)
            .min()
            .orElse(0);
    return rendered.text().codePointCount(0, start);
  }

  /// Whether an end token or a special one is among the trained ones at the end of the last answer.
  private boolean ends(Encoded encoded, BitSet marks, int last, int from) {
    int[] ids = encoded.ids();
    for (int i = last; i > 0 && marks.get(i); i--) {
      int start = encoded.starts()[i];
      if (start >= 0 && start < from) {
        return false;
      }
      if (tokenizer.isEnd(ids[i]) || tokenizer.isSpecial(ids[i])) {
        return true;
      }
    }
    return false;
  }

  @Override
  public @Nullable String digest() {
    ChatTemplate known;
    try {
      known = template();
    } catch (InputException e) {
      return "no template"; // a conversation is a bad row then
    }
    String rule = known.rule() + " " + trainOn;
    if (!known.text().contains(CLOCK)) {
      return rule;
    }
    return time == null ? null : rule + " " + time;
  }
}
