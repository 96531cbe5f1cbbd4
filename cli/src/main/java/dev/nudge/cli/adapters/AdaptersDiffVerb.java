package dev.nudge.cli.adapters;

import dev.nudge.adapter.AdapterDistance;
import dev.nudge.cli.Library;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.merge.ModelDifference;
import dev.nudge.registry.Named;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.Quantize;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters diff`: compares the weights of two adapters, and their answers.
public record AdaptersDiffVerb() implements Verb<AdaptersDiffVerb.Settings> {

  /// The flags of `nudge adapters diff`.
  record Settings(
      @Setting(
              help = "two adapters: PEFT folders, run folders, or references",
              label = "ADAPTER",
              operand = true,
              names = Setting.Names.ADAPTER,
              required = true)
          List<String> adapter,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(
              help = "their base: answers on the probe text are compared too",
              label = "FOLDER|NAME",
              names = Setting.Names.MODEL)
          @Nullable Path model,
      @Setting(help = "how the base is held (default: as it is stored)")
          @Nullable Quantize quantize,
      @Setting(help = "processor threads in all (default: every processor)")
          @Nullable Integer threads,
      @Setting(help = "take adapters whatever base they were trained on") boolean anyBase) {

    Settings {
      adapter = List.copyOf(adapter);
      if (adapter.size() != 2) {
        throw new InputException(
            "ADAPTER is given %d times; give two adapters to compare".formatted(adapter.size()));
      }
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters diff",
        "says how far two adapters are apart: weights, and answers with --model",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<Path> folders =
        settings.adapter().stream()
            .map(adapter -> Path.of(Named.folder(adapter, settings.registry())))
            .toList();
    AdapterDistance apart = AdapterDistance.of(folders.getFirst(), folders.getLast());
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("LAYER", "|dW| A", "|dW| B", "|dW A - dW B|", "COSINE"));
    apart.layers().forEach(layer -> rows.add(row(layer)));
    rows.add(
        row(
            new AdapterDistance.Layer(
                "all", apart.norm(), apart.otherNorm(), apart.difference(), apart.cosine())));
    TextTable.lines(rows).forEach(console::result);
    ModelDifference answers = null;
    if (settings.model() != null) {
      Map<String, Object> given = new HashMap<>();
      given.put("model", settings.model());
      given.put("any_base", settings.anyBase());
      if (settings.quantize() != null) {
        given.put("quantize", settings.quantize());
      }
      if (settings.threads() != null) {
        given.put("threads", settings.threads());
      }
      answers =
          ModelDifference.ofAdapters(
              Schema.of(ModelSettings.class).of(given),
              folders.getFirst(),
              folders.getLast(),
              Library.machine(),
              console::warn);
      console.result(
          String.format(
              Locale.ROOT,
              "answers on %,d tokens: mean KL %.4g nats, largest difference of a logit %.4g",
              answers.tokens(),
              answers.kl(),
              answers.maxLogitDifference()));
    }
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("norm", apart.norm());
    values.put("other_norm", apart.otherNorm());
    values.put("difference", apart.difference());
    values.put("cosine", apart.cosine());
    values.put("layers", apart.layers());
    values.put("answers", answers);
    console.object(values);
    return ExitCode.DONE;
  }

  private static List<String> row(AdapterDistance.Layer layer) {
    Double cosine = layer.cosine();
    return List.of(
        layer.path(),
        String.format(Locale.ROOT, "%.4g", layer.norm()),
        String.format(Locale.ROOT, "%.4g", layer.otherNorm()),
        String.format(Locale.ROOT, "%.4g", layer.difference()),
        cosine == null ? "-" : String.format(Locale.ROOT, "%.4f", cosine));
  }
}
