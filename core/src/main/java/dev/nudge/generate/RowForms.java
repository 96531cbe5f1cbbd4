package dev.nudge.generate;

import dev.nudge.data.ChatRows;
import dev.nudge.data.PromptEncoder;
import dev.nudge.data.SingleRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// How the rows of each adapter become tokens: by its patterns and its chat template, or the
/// model's.
///
/// Threading: one thread.
///
/// @param <T> what a row becomes
final class RowForms<T> {
  private static final Path BASE = Path.of("");

  private final Map<Path, Form<T>> forms = new HashMap<>();
  private final Set<Path> checked = new HashSet<>();
  private final Function<Source, Function<String, T>> reader;
  private final DataSettings data;
  private final ModelSettings model;
  private final Instant day;
  private final Tokenizer tokenizer;
  private final Consumer<String> warnings;

  /// What rows are read by.
  ///
  /// @param data with the patterns of the adapter
  record Source(DataSettings data, ChatRows chat) {}

  /// @param chat the template, which has rendered the row if it is a conversation
  record Form<T>(ChatRows chat, Function<String, T> read) {}

  private RowForms(
      DataSettings data,
      ModelSettings model,
      Instant day,
      Tokenizer tokenizer,
      Consumer<String> warnings,
      Function<Source, Function<String, T>> reader) {
    this.data = data;
    this.model = model;
    this.day = day;
    this.tokenizer = tokenizer;
    this.warnings = warnings;
    this.reader = reader;
    of(null); // the settings are checked before any row
  }

  static RowForms<SingleRows.Prompt> prompts(
      GenerateSettings settings,
      Instant day,
      Tokenizer tokenizer,
      int maxLength,
      Consumer<String> warnings) {
    DataSettings data =
        new DataSettings(
            List.of("-"),
            settings.prompt(),
            settings.completion(),
            settings.shape(),
            TrainOn.ASSISTANT,
            false);
    return new RowForms<>(
        data,
        settings.model(),
        day,
        tokenizer,
        warnings,
        source ->
            SingleRows.prompts(
                source.data,
                maxLength,
                new PromptEncoder(tokenizer, source.chat, settings.chat(), settings.system())));
  }

  static RowForms<Example> examples(
      ScoreSettings settings,
      Instant day,
      Tokenizer tokenizer,
      int maxLength,
      Consumer<String> warnings) {
    return new RowForms<>(
        settings.data(),
        settings.model(),
        day,
        tokenizer,
        warnings,
        source ->
            SingleRows.examples(
                source.data, settings.truncate(), maxLength, tokenizer, source.chat));
  }

  /// The form of an adapter's rows.
  ///
  /// @param adapter null: the base model
  Form<T> of(@Nullable Path adapter) {
    return forms.computeIfAbsent(Objects.requireNonNullElse(adapter, BASE), _ -> form(adapter));
  }

  /// Warns once if conversations go to an adapter that was trained on plain texts, or the reverse.
  ///
  /// @param spoken whether a row went through the template
  void told(@Nullable Path adapter, boolean spoken) {
    if (adapter != null && checked.add(adapter)) {
      AdapterPatterns.checkSpoken(spoken, adapter, model.anyBase(), warnings);
    }
  }

  private Form<T> form(@Nullable Path adapter) {
    ChatRows chat =
        ChatRows.of(model.model(), adapter, data.shape().template(), data.trainOn(), tokenizer)
            .on(day);
    AdapterPatterns.checkTemplate(data.shape().template(), model.model(), adapter, warnings);
    AdapterPatterns patterns =
        AdapterPatterns.of(data, adapter, model.anyBase(), _ -> {}, warnings);
    return new Form<>(chat, patterns.read(own -> reader.apply(new Source(own, chat))));
  }
}
