package dev.nudge.generate;

import dev.nudge.data.rows.RowPattern;
import dev.nudge.data.tokens.ShownRow;
import dev.nudge.identity.Identity;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Applies the prompt and completion patterns that an adapter was trained with.
///
/// They come from its `nudge.json`; patterns given by the user win, with a warning if they differ.
public final class AdapterPatterns {
  private final DataSettings data;
  private final @Nullable String taken; // a phrase: from where and which

  private AdapterPatterns(DataSettings data, @Nullable String taken) {
    this.data = data;
    this.taken = taken;
  }

  /// @param adapter null: the patterns stay as given
  /// @param anyBase whether a `nudge.json` that cannot be read counts as absent
  /// @param notes receives a line on which patterns come from the adapter
  /// @param warnings receives a line if given patterns differ from the adapter's
  public static AdapterPatterns of(
      DataSettings given,
      @Nullable Path adapter,
      boolean anyBase,
      Consumer<String> notes,
      Consumer<String> warnings) {
    Identity identity = adapter == null ? null : Identity.read(adapter, anyBase);
    if (identity == null) {
      return new AdapterPatterns(given, null);
    }
    boolean said = given.shape().shape() != null || !given.shape().mapping().isEmpty();
    String prompt = said ? null : identity.pattern("prompt");
    String completion = said ? null : identity.pattern("completion");
    List<String> other = new ArrayList<>();
    List<String> own = new ArrayList<>();
    List<String> taken = new ArrayList<>();
    sort("--prompt", given.prompt(), prompt, other, own, taken);
    sort("--completion", given.completion(), completion, other, own, taken);
    if (!own.isEmpty()) {
      warnings.accept(
          "adapter %s was trained with %s; given is %s"
              .formatted(adapter, String.join(" ", own), String.join(" ", other)));
    }
    if (taken.isEmpty()) {
      return new AdapterPatterns(given, null);
    }
    String what = String.join(" ", taken) + ", from " + adapter + "/" + Identity.FILE;
    notes.accept("patterns: " + what);
    return new AdapterPatterns(
        given.withPatterns(
            given.prompt() == null ? prompt : given.prompt(),
            given.completion() == null ? completion : given.completion()),
        what);
  }

  /// Warns of a prompt that has not the form of those that an adapter was trained on.
  ///
  /// @param adapter null: nothing is said
  static void check(
      String prompt, @Nullable Path adapter, boolean anyBase, Consumer<String> warnings) {
    Identity identity = adapter == null ? null : Identity.read(adapter, anyBase);
    String trained = identity == null ? null : identity.pattern("prompt");
    if (trained == null || RowPattern.parse("prompt", trained).fits(prompt)) {
      return;
    }
    String breaks = prompt.replace("\\n", "\n");
    boolean escaped = RowPattern.parse("prompt", trained).fits(breaks);
    warnings.accept(
        "adapter %s was trained on prompts of the form '%s', which this one has not%s"
            .formatted(
                adapter,
                shown(trained),
                escaped ? "; \\n is two characters here, so give a real line break" : ""));
  }

  /// Warns if conversations go to an adapter that was trained on plain texts, or the reverse.
  ///
  /// @param spoken whether prompts go through a chat template
  /// @param adapter null: no warning
  public static void checkSpoken(
      boolean spoken, @Nullable Path adapter, boolean anyBase, Consumer<String> warnings) {
    if (adapter != null) {
      checkSpoken(
          spoken,
          adapter.toString(),
          adapter,
          anyBase,
          line -> warnings.accept(spoken ? line : line + "; --chat applies it"));
    }
  }

  /// Warns if no task of an evaluation asks an adapter in the form that it was trained in.
  ///
  /// @param spoken whether prompts go through a chat template
  /// @param prompts a prompt of each task
  /// @param adapter null: no warning
  public static void checkTasks(
      boolean spoken,
      List<String> prompts,
      @Nullable Path adapter,
      boolean anyBase,
      Consumer<String> warnings) {
    Identity identity = adapter == null ? null : Identity.read(adapter, anyBase);
    if (adapter == null || identity == null || prompts.isEmpty()) {
      return;
    }
    Boolean conversations = identity.conversations();
    String trained = spoken ? null : identity.pattern("prompt");
    if (conversations != null && conversations != spoken) {
      String remedy =
          (spoken ? "; leave --apply-chat-template out" : "; --apply-chat-template applies it");
      checkSpoken(
          spoken, adapter.toString(), adapter, anyBase, line -> warnings.accept(line + remedy));
    } else if (trained != null
        && prompts.stream().noneMatch(RowPattern.parse("prompt", trained)::fits)) {
      warnings.accept(
          "adapter %s was trained on prompts of the form '%s', and no task asks so; doc_to_text of a task gives its form"
              .formatted(adapter, shown(trained)));
    }
  }

  /// Warns likewise, calling the adapter by a name, without naming a remedy.
  ///
  /// @param called name of the adapter in the warning
  public static void checkSpoken(
      boolean spoken, String called, Path adapter, boolean anyBase, Consumer<String> warnings) {
    Identity identity = Identity.read(adapter, anyBase);
    Boolean trained = identity == null ? null : identity.conversations();
    if (identity == null || trained == null || trained == spoken) {
      return;
    }
    String pattern = identity.pattern("prompt");
    warnings.accept(
        spoken
            ? "adapter %s was trained on %s, and conversations go to it by a chat template"
                .formatted(
                    called,
                    pattern == null ? "texts" : "prompts of the form '" + shown(pattern) + "'")
            : "adapter %s was trained on conversations, and plain prompts bypass its chat template"
                .formatted(called));
  }

  /// Warns if the adapter was trained with one system message throughout and gets another or none.
  ///
  /// @param given the system message in use; null: none
  /// @param adapter null: no warning
  public static void checkSystem(
      @Nullable String given, @Nullable Path adapter, boolean anyBase, Consumer<String> warnings) {
    Identity identity = adapter == null ? null : Identity.read(adapter, anyBase);
    String trained = identity == null ? null : identity.system();
    if (trained != null && !trained.equals(given)) {
      warnings.accept(
          "adapter %s was trained with the system message %s, and gets %s; set --system, full text in %s"
              .formatted(
                  adapter,
                  ShownRow.quoted(trained),
                  given == null ? "none" : "another",
                  adapter + "/" + Identity.FILE));
    }
  }

  /// Warns if the settings name another chat template than the adapter was trained with.
  ///
  /// @param named the template that the settings name; null: no warning
  /// @param adapter null: no warning
  public static void checkTemplate(
      @Nullable String named, Path model, @Nullable Path adapter, Consumer<String> warnings) {
    if (named == null || adapter == null || !ChatTemplate.isIn(adapter)) {
      return;
    }
    String own = ChatTemplate.load(model, adapter, null).text();
    if (!own.equals(ChatTemplate.load(model, adapter, named).text())) {
      warnings.accept(
          "adapter %s was trained with another chat template than %s; without --template it is asked by its own"
              .formatted(adapter, named));
    }
  }

  private static void sort(
      String flag,
      @Nullable String given,
      @Nullable String trained,
      List<String> other,
      List<String> own,
      List<String> taken) {
    if (trained == null) {
      return;
    }
    if (given == null) {
      taken.add(flag + " '" + shown(trained) + "'");
    } else if (!shown(given).equals(shown(trained))) {
      own.add(flag + " '" + shown(trained) + "'");
      other.add(flag + " '" + shown(given) + "'");
    }
  }

  /// A pattern on one line; a line break means the same as its escape.
  private static String shown(String pattern) {
    return pattern.replace("\n", "\\n").replace("\t", "\\t");
  }

  /// Reads rows with these patterns.
  ///
  /// @throws InputException from `reading`; for bad rows with a line on where the patterns are from
  public <T> T read(Function<DataSettings, T> reading) {
    try {
      return reading.apply(data);
    } catch (InputException e) {
      if (taken == null || e.details().isEmpty()) {
        throw e;
      }
      List<String> details = new ArrayList<>(e.details());
      details.add("the patterns are " + taken + "; --prompt and --completion give others");
      throw new InputException(String.valueOf(e.getMessage()), details);
    }
  }
}
