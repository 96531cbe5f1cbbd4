package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Check;
import dev.nudge.settings.First;
import dev.nudge.settings.Given;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Outlook;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge spark --print`: prints the command line of spark-submit for a run, and its plan.
///
/// @param forecaster plans the run on one of several machines
public record SparkVerb(Forecaster forecaster) implements Verb<SparkVerb.Settings> {

  /// The library function that this verb calls.
  public interface Forecaster {
    /// Plans a run; nothing is loaded and nothing is written.
    Outlook plan(TrainSettings settings, int ranks);
  }

  /// The flags of `nudge spark`.
  @First("print ranks master jar model data out")
  record Settings(
      @Group("Spark")
          @Setting(help = "print the command line of spark-submit for a run; nothing is started")
          boolean print,
      @Setting(help = "machines like this one that train together", byDefault = "2") int ranks,
      @Setting(help = "master of the cluster", label = "URL", byDefault = "spark://HOST:7077")
          String master,
      @Setting(
              help = "jar of nudge-spark, where spark-submit finds it",
              label = "FILE",
              byDefault = "nudge-spark-*-all.jar")
          String jar,
      @Group("Model and machine") TrainSettings train,
      Given given) {
    Settings {
      if (!print) {
        throw new InputException(
            "spark prints what spark-submit needs, and spark-submit starts the run; add --print");
      }
      Check.atLeast("--ranks", ranks, 1);
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "spark", "prints what spark-submit needs to train on several machines", Settings.class);
  }

  @Override
  public boolean takesFile() {
    return true;
  }

  @Override
  public int run(Settings settings, Console console) {
    Outlook outlook = forecaster.plan(settings.train(), settings.ranks());
    Map<String, String> conf = outlook.sparkConf();
    List<String> words = words(settings);
    lines(settings, conf, words).forEach(console::result);
    about(settings, outlook).forEach(line -> console.result("# " + line));
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("master", settings.master());
    values.put("class", Outlook.SUBMIT);
    values.put("conf", conf);
    values.put("jar", settings.jar());
    values.put("arguments", words);
    values.put("fits", outlook.fits());
    console.object(values);
    return outlook.fits() ? ExitCode.DONE : ExitCode.WRONG; // the exit code that the run would have
  }

  /// Returns the command for a shell.
  private static List<String> lines(
      Settings settings, Map<String, String> conf, List<String> words) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "spark-submit --master %s --class %s \\"
            .formatted(quoted(settings.master()), Outlook.SUBMIT));
    conf.forEach((key, value) -> lines.add("  --conf %s \\".formatted(quoted(key + "=" + value))));
    lines.add(
        "  %s \\"
            .formatted(settings.jar().contains("*") ? settings.jar() : quoted(settings.jar())));
    lines.add("  " + String.join(" ", words.stream().map(SparkVerb::quoted).toList()));
    return lines;
  }

  /// Returns the verb, and the flags of the given settings.
  private static List<String> words(Settings settings) {
    List<String> words =
        new ArrayList<>(List.of("train", "--ranks", Integer.toString(settings.ranks())));
    Map<String, @Nullable Object> values = settings.train().values();
    for (SettingComponent knob : Schema.of(TrainSettings.class).knobs()) {
      Object value = values.get(knob.key());
      if (value == null || !settings.given().contains(knob.key())) {
        continue;
      }
      if (value instanceof Boolean on) {
        if (on || knob.setting().negatable()) { // other switches are off by default
          words.add(on ? knob.flag() : "--no-" + knob.flag().substring(2));
        }
      } else if (value instanceof List<?> all) {
        all.forEach(one -> words.addAll(List.of(knob.flag(), String.valueOf(one))));
      } else {
        words.addAll(List.of(knob.flag(), value.toString()));
      }
    }
    return words;
  }

  private static String quoted(String word) {
    return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  private static List<String> about(Settings settings, Outlook outlook) {
    TrainSettings run = settings.train();
    List<String> lines = new ArrayList<>();
    long bytes = outlook.executorBytes();
    lines.add(
        "memory   2 GiB of heap for the driver; an executor has 1 GiB and, by the plan, %s outside it%s"
            .formatted(
                Bytes.shown(bytes), outlook.fits() ? "" : ", which does not fit this machine"));
    outlook.remedies().forEach(flags -> lines.add("         would fit with " + flags));
    lines.add(
        "paths    seen by all machines: "
            + run.model().model()
            + (run.lora().initAdapter() == null ? "" : ", " + run.lora().initAdapter())
            + "; by the driver and rank 0: the rows, and "
            + run.output().out());
    lines.add(
        "digests  of weights and config are compared with rank 0's before the first step"
            + (run.lora().method() == Method.FULL ? "" : "; a base is known by nudge.json"));
    lines.add(
        "natives  of the platform that built the jar are in it (oneDNN, tokenizer); each machine"
            + " unpacks them once into spark.executorEnv.NUDGE_CACHE, else ~/.cache/nudge");
    lines.add(
        "Java     25 as JAVA_HOME of driver and executors; no JVM flag is needed: Spark sets those"
            + " of the Vector API and of natives");
    return lines;
  }
}
