package dev.nudge.eval.run;

import dev.nudge.eval.task.Task;
import dev.nudge.format.Json;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.text.Tokenizer;
import dev.nudge.text.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Writes the results of an evaluation with their settings as harness-style files ([ResultFiles]).
final class OutcomeFiles {
  private OutcomeFiles() {}

  /// Writes the numbers and documents of each model into `settings.out()`.
  static void write(
      EvaluateSettings settings, Outcome outcome, Tokenizer tokenizer, RequestTokens encoder) {
    Set<String> stale =
        new LinkedHashSet<>(List.of(Evaluation.BASE, Evaluation.COMPARE)); // of an earlier call
    for (ModelResults model : outcome.models()) {
      boolean main = model.name().equals(outcome.main().name());
      Map<String, @Nullable Object> more = about(settings, model, tokenizer, encoder);
      more.put("total_evaluation_time_seconds", String.valueOf(outcome.seconds()));
      if (main && outcome.pace().requests() > 0) {
        more.put("pace", pace(outcome.pace()));
      }
      if (main && !outcome.differences().isEmpty()) {
        more.put("differences", Outcome.shown(outcome.differences()));
      }
      Path folder = main ? settings.out() : settings.out().resolve(model.name());
      ResultFiles.write(folder, model, more);
      if (!main) {
        stale.remove(model.name());
      }
    }
    stale.forEach(name -> ResultFiles.remove(settings.out().resolve(name)));
  }

  private static Map<String, @Nullable Object> pace(Pace pace) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("requests", pace.requests());
    all.put("seconds", pace.seconds());
    all.put("seconds_per_request", Json.finite(pace.secondsPerRequest()));
    all.put("generated_tokens", pace.tokens());
    all.put("tokens_per_second", Json.finite(pace.tokensPerSecond()));
    return all;
  }

  private static Map<String, @Nullable Object> about(
      EvaluateSettings settings, ModelResults model, Tokenizer tokenizer, RequestTokens encoder) {
    Map<String, @Nullable Object> config = new LinkedHashMap<>();
    config.put("model", "nudge");
    Map<String, @Nullable Object> arguments = new LinkedHashMap<>();
    arguments.put("pretrained", settings.model().model().toString());
    if (model.adapter() != null) {
      arguments.put("peft", model.adapter());
    }
    config.put("model_args", arguments);
    config.put("limit", settings.limit());
    config.put("bootstrap_iters", StandardError.RESAMPLES);
    config.put("fewshot_seed", Task.SHOTS_SEED);
    Map<String, @Nullable Object> more = new LinkedHashMap<>();
    more.put("config", config);
    more.put("model_source", "nudge");
    more.put("model_name", settings.model().model().toString());
    more.put("system_instruction", settings.systemInstruction());
    Boolean turns = settings.fewshotAsMultiturn();
    more.put("fewshot_as_multiturn", turns == null || turns);
    if (settings.applyChatTemplate()) {
      String template =
          ChatTemplate.load(settings.model().model(), settings.adapter(), settings.template())
              .text();
      more.put("chat_template", template);
      more.put("chat_template_sha", ResultFiles.hash(template));
    }
    more.put("max_length", encoder.maxLength());
    more.put("tokenizer_digest", tokenizer.digest());
    return more;
  }
}
