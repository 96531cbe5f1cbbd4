package dev.nudge.cli.serve;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.Json;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.experiments.ArmMetric;
import dev.nudge.server.experiments.Mode;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// `nudge experiments create`: starts an experiment in a server.
public record ExperimentsCreateVerb() implements Verb<ExperimentsCreateVerb.Settings> {

  /// The flags of `nudge experiments create`.
  ///
  /// @param weights weights of the arms; null: equal
  /// @param metric metric to compare; null: score, or preferred for a shadow
  record Settings(
      @Setting(
              help = "name of the experiment, which is a model of the server then",
              label = "NAME",
              operand = true,
              required = true)
          String experiment,
      @Setting(help = ExperimentsAt.SERVER, byDefault = ServeSettings.URL, label = "URL")
          String server,
      @Setting(help = ExperimentsAt.KEY, label = "FILE") @Nullable Path adminKeyFile,
      @Setting(
              help =
                  "an arm and its adapter, alias or version, such as B=support@canary; given for"
                      + " each arm, the first being what the others are held against",
              label = "ARM=ADAPTER")
          List<String> arm,
      @Setting(
              help =
                  "ab divides units by weight, canary ramps the second arm up, shadow has it answer"
                      + " unseen",
              byDefault = "ab")
          Mode mode,
      @Setting(
              help =
                  "weights of the arms in their order, such as 9,1 (default: all alike); of a"
                      + " shadow's second arm the percentage that it answers",
              label = "N,N")
          @Nullable String weights,
      @Setting(help = "what decides (default: score; in a shadow preferred)")
          @Nullable ArmMetric metric,
      @Setting(
              help =
                  "what ends it when an arm is worse by more than a share, such as error_rate=0.25;"
                      + " may be given several times (default: error_rate, empty_rate and"
                      + " first_token, at 0.25)",
              label = "METRIC=X")
          List<String> guardrail,
      @Setting(help = "probability of a wrong verdict (default: 0.05)") @Nullable Double alpha,
      @Setting(help = "units an arm needs before its mean is judged (default: 100)")
          @Nullable Integer minSample,
      @Setting(help = "difference of the metric that is none (default: never said to be none)")
          @Nullable Double equivalence,
      @Setting(help = "percentages of a canary (default: 1,5,25,50,100)", label = "N,N")
          @Nullable String ramp,
      @Setting(help = "units of a canary's second arm in a stage (default: 50)")
          @Nullable Integer stageUnits,
      @Setting(
              help =
                  "makes units fall to arms otherwise than in other experiments (default: drawn)")
          @Nullable String salt) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "experiments create",
        "begins an A/B test, a canary or a shadow in a running server",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    JsonNode report =
        ExperimentsServer.of(settings.server(), settings.adminKeyFile(), console::note)
            .create(Json.tree(body(settings)));
    for (JsonNode arm : report.path("arms")) {
      console.note(
          arm.path("name").asString()
              + " is "
              + arm.path("adapter").asString()
              + ", "
              + arm.path("digest").asString("without an adapter"));
    }
    if (report.path("arms").valueStream().map(a -> a.path("digest")).distinct().count() == 1) {
      console.warn("all arms are the same adapter, so only chance tells them apart");
    }
    warnOfStages(report, console);
    console.note(settings.experiment() + " runs; requests for that model take part");
    console.object(report);
    return ExitCode.DONE;
  }

  /// Warns of a canary that reaches its last stage before its metric can stop it.
  private static void warnOfStages(JsonNode report, Console console) {
    JsonNode ramp = report.path("ramp"); // only a canary has one
    int earlier = ramp.size() - 1;
    int units = earlier * report.path("stage_units").asInt();
    int least = report.path("min_sample").asInt();
    if (earlier > 0 && units < least) {
      console.warn(
          "the last stage, %d %%, begins after %,d units of the second arm, and %s is judged from %,d on, so until then guardrails alone stop it; set --stage-units to at least %,d"
              .formatted(
                  ramp.get(earlier).asInt(),
                  units,
                  report.path("metric").asString(),
                  least,
                  Math.ceilDiv(least, earlier)));
    }
  }

  private static Map<String, @Nullable Object> body(Settings settings) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("name", settings.experiment());
    body.put("mode", settings.mode().name().toLowerCase(Locale.ROOT));
    body.put("arms", arms(settings));
    ArmMetric metric = settings.metric();
    body.put("metric", metric == null ? null : metric.word());
    if (!settings.guardrail().isEmpty()) {
      body.put("guardrails", settings.guardrail().stream().map(g -> guardrail(g)).toList());
    }
    body.put("alpha", settings.alpha());
    body.put("min_sample", settings.minSample());
    body.put("equivalence", settings.equivalence());
    body.put("salt", settings.salt());
    if (settings.ramp() != null) {
      body.put("ramp", numbers("--ramp", settings.ramp()));
    }
    body.put("stage_units", settings.stageUnits());
    return body;
  }

  private static List<Map<String, Object>> arms(Settings settings) {
    if (settings.arm().size() < 2) {
      throw new InputException(
          "--arm is given "
              + (settings.arm().isEmpty() ? "never" : "once")
              + "; give it for two arms at least, such as --arm A=support@champion --arm"
              + " B=support@canary");
    }
    List<Integer> weights =
        settings.weights() == null ? List.of() : numbers("--weights", settings.weights());
    if (settings.weights() != null && weights.size() != settings.arm().size()) {
      throw new InputException(
          "--weights has %d numbers for %d arms; give one for each"
              .formatted(weights.size(), settings.arm().size()));
    }
    List<Map<String, Object>> arms = new ArrayList<>();
    for (int i = 0; i < settings.arm().size(); i++) {
      String[] parts = halves("--arm", settings.arm().get(i), "ARM=ADAPTER");
      Map<String, Object> arm = new LinkedHashMap<>();
      arm.put("name", parts[0]);
      arm.put("adapter", parts[1]);
      if (!weights.isEmpty()) {
        arm.put("weight", weights.get(i));
      }
      arms.add(arm);
    }
    return arms;
  }

  private static Map<String, Object> guardrail(String text) {
    String[] parts = halves("--guardrail", text, "METRIC=X, such as error_rate=0.25");
    try {
      return Map.of(
          "metric", parts[0].replace('-', '_'), "tolerance", Double.parseDouble(parts[1]));
    } catch (NumberFormatException e) {
      throw new InputException(
          "--guardrail is '" + text + "'; it must be METRIC=X, such as error_rate=0.25", e);
    }
  }

  private static String[] halves(String flag, String text, String form) {
    int equals = text.indexOf('=');
    if (equals < 1 || equals == text.length() - 1) {
      throw new InputException(flag + " is '" + text + "'; it must be " + form);
    }
    return new String[] {text.substring(0, equals), text.substring(equals + 1)};
  }

  private static List<Integer> numbers(String flag, String text) {
    try {
      return List.of(text.split(",", -1)).stream().map(Integer::valueOf).toList();
    } catch (NumberFormatException e) {
      throw new InputException(
          flag + " is '" + text + "'; it must be whole numbers with commas between them", e);
    }
  }
}
