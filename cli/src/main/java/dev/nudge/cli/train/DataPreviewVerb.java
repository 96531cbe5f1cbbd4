package dev.nudge.cli.train;

import dev.nudge.cli.console.Colours;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Terminal;
import dev.nudge.cli.console.Verb;
import dev.nudge.data.TokenCache;
import dev.nudge.data.tokens.SeenRow;
import dev.nudge.eval.BaseLook;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.train.Preview;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// `nudge data preview`: shows rows as tokenized for the model, trained tokens marked, with
/// counts.
///
/// @param previewer reads the rows
/// @param colours colours of trained tokens
public record DataPreviewVerb(Previewer previewer, Supplier<Colours> colours)
    implements Verb<PreviewSettings> {

  /// The library functions that this verb calls.
  public interface Previewer {
    /// Reads and tokenizes all rows; no model is loaded.
    ///
    /// @param watch reports the progress of tokenization
    Preview preview(PreviewSettings settings, TokenCache.Watch watch);

    /// Loads and scores the base model; null without `--ask-base`.
    @Nullable BaseLook base(PreviewSettings settings, Consumer<String> warnings);
  }

  @Override
  public About<PreviewSettings> about() {
    return new About<>(
        "data preview",
        "shows rows as the model sees them, trained tokens marked; counts lengths",
        PreviewSettings.class);
  }

  @Override
  public HubNames.Part needs(PreviewSettings settings) {
    return settings.askBase() == null ? HubNames.Part.TOKENIZER : HubNames.Part.WEIGHTS;
  }

  @Override
  public int run(PreviewSettings settings, Console console) {
    Path html = settings.html();
    if (html != null) {
      PreviewPage.check(html);
    }
    LiveLine line =
        new LiveLine(console.messages(), ProgressLine.style(console), System::nanoTime, "");
    long begun = System.nanoTime();
    Preview preview =
        previewer.preview(
            settings,
            (rows, tokens, share) ->
                ProgressLine.tokenised(
                    line,
                    new TrainEvent.Tokenised(
                        rows, tokens, share, (System.nanoTime() - begun) / 1e9)));
    BaseLook base = previewer.base(settings, console::warn);
    PreviewFacts facts = PreviewFacts.of(preview, base);
    PreviewText text = new PreviewText(preview, facts, colours.get(), Terminal.showsUnicode());
    text.rows().forEach(console::result);
    text.counts().forEach(console.json() ? console::note : console::result);
    preview.rows().forEach(row -> console.object(values(row)));
    if (html != null) {
      OutFolder.place(html, PreviewPage.of(preview, facts));
      console.note(html + ": the same as a page");
    }
    return ExitCode.DONE;
  }

  private static Map<String, Object> values(SeenRow row) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("index", row.index());
    values.put("text", row.text());
    values.put("ids", row.ids());
    values.put("tokens", row.tokens());
    values.put("trained", row.trained());
    values.put("spans", row.spans());
    if (row.answer() != null) {
      values.put("answer", row.answer());
    }
    if (row.weights() != null) {
      values.put("weights", row.weights());
    }
    return values;
  }
}
