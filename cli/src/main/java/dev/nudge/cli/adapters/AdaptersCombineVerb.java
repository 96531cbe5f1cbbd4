package dev.nudge.cli.adapters;

import dev.nudge.adapter.Combination;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Combining;
import dev.nudge.registry.Named;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters combine`: combines several adapters into one.
public record AdaptersCombineVerb() implements Verb<AdaptersCombineVerb.Settings> {

  /// The flags of `nudge adapters combine`.
  record Settings(
      @Setting(
              help = "adapters: PEFT folders, run folders, or references",
              label = "ADAPTER",
              operand = true,
              names = Setting.Names.ADAPTER,
              required = true)
          List<String> adapter,
      @Setting(help = "weight of an adapter, once for each ADAPTER (default: 1)", label = "X")
          List<String> weight,
      @Setting(
              help =
                  "recompress the sum to at most this rank, and say what is lost (default: the sum"
                      + " of the ranks, exactly)")
          @Nullable Integer rank,
      @Setting(help = "folder of the new adapter", label = "FOLDER", required = true) Path out,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {

    Settings {
      adapter = List.copyOf(adapter);
      weight = List.copyOf(weight);
      if (!weight.isEmpty() && weight.size() != adapter.size()) {
        throw new InputException(
            "--weight is given for %d of %d adapters; give it once for each, in their order, or not at all"
                .formatted(weight.size(), adapter.size()));
      }
      weight.forEach(Settings::number);
    }

    private static double number(String text) {
      try {
        double value = Double.parseDouble(text);
        if (Double.isFinite(value)) {
          return value;
        }
      } catch (NumberFormatException e) {
        // reported below
      }
      throw new InputException("--weight is '" + text + "'; it must be a number");
    }

    private double weight(int i) {
      return weight.isEmpty() ? 1 : number(weight.get(i));
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters combine", "writes a weighted sum of adapters as one adapter", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<Combination.Part> parts = new ArrayList<>();
    for (int i = 0; i < settings.adapter().size(); i++) {
      String folder = Named.folder(settings.adapter().get(i), settings.registry());
      parts.add(new Combination.Part(Path.of(folder), settings.weight(i)));
    }
    Combination.Combined made =
        Combining.run(parts, settings.rank(), settings.out(), console::warn);
    console.result(
        String.format(
            Locale.ROOT,
            "%s: %s of %s, rank %d, |dW| %.4g, %s",
            settings.out(),
            Count.of(made.layers(), "layer"),
            Count.of(parts.size(), "adapter"),
            made.rank(),
            made.norm(),
            made.lost() == 0
                ? "exact"
                : String.format(Locale.ROOT, "%.3g of it lost", made.lost())));
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("out", settings.out().toString());
    values.put("rank", made.rank());
    values.put("layers", made.layers());
    values.put("norm", made.norm());
    values.put("lost", made.lost());
    console.object(values);
    return ExitCode.DONE;
  }
}
