package dev.nudge.cli.adapters;

import dev.nudge.adapter.Inspection;
import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.model.WeightNorms;
import dev.nudge.registry.Named;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters inspect`: prints an adapter layer by layer.
public record AdaptersInspectVerb() implements Verb<AdaptersInspectVerb.Settings> {

  /// The flags of `nudge adapters inspect`.
  record Settings(
      @Setting(
              help = "an adapter: a PEFT folder, a run's folder, or a reference",
              label = "ADAPTER",
              operand = true,
              names = Setting.Names.ADAPTER,
              required = true)
          String adapter,
      @Setting(
              help = "its base, for |dW| / |W|",
              label = "FOLDER|NAME",
              names = Setting.Names.MODEL)
          @Nullable Path model,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters inspect",
        "shows what an adapter holds and how far it moves each weight",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Path folder = Path.of(Named.folder(settings.adapter(), settings.registry()));
    Inspection seen = Inspection.of(folder, Map.of());
    if (settings.model() != null) {
      List<String> paths = seen.layers().stream().map(Inspection.Layer::path).toList();
      seen = Inspection.of(folder, WeightNorms.of(settings.model(), paths));
    }
    console.result(
        String.format(
            Locale.ROOT,
            "rank %d, alpha %s%s%s, targets %s; %,d parameters, %s; |dW| %.4g%s",
            seen.rank(),
            seen.alpha(),
            seen.rsLora() ? ", rsLoRA" : "",
            seen.variant() == null ? "" : ", " + seen.variant(),
            seen.targets(),
            seen.parameters(),
            Bytes.shown(seen.bytes()),
            seen.norm(),
            seen.variant() == null ? "" : " of B·A alone"));
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("LAYER", "RANK", "SCALE", "SIZE", "|dW|", "|dW|/|W|", "REMARK"));
    seen.layers().forEach(layer -> rows.add(row(layer)));
    TextTable.lines(rows).forEach(console::result);
    if (!seen.dead().isEmpty()) {
      console.note(Count.of(seen.dead().size(), "layer") + " of them do nothing");
    }
    console.object(seen);
    return ExitCode.DONE;
  }

  private static List<String> row(Inspection.Layer layer) {
    Double relative = layer.relative();
    return List.of(
        layer.path(),
        Integer.toString(layer.rank()),
        String.format(Locale.ROOT, "%.4g", layer.scaling()),
        Bytes.shown(layer.bytes()),
        String.format(Locale.ROOT, "%.4g", layer.norm()),
        relative == null ? "-" : String.format(Locale.ROOT, "%.4g", relative),
        !layer.finite() ? "not finite" : layer.dead() ? "dead" : "");
  }
}
