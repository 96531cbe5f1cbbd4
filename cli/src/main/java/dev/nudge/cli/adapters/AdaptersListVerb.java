package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Adapter;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters list`: prints the adapters of a registry, one per line.
public record AdaptersListVerb() implements Verb<AdaptersListVerb.Settings> {

  /// The flags of `nudge adapters list`.
  record Settings(@Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters list",
        "lists adapters: latest version, aliases, state, size, base of each version",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    List<Adapter> all = registry.list();
    if (all.isEmpty()) {
      console.note("the registry " + registry.folder() + " is empty; nudge adapters push fills it");
    } else {
      List<List<String>> rows = new ArrayList<>();
      rows.add(List.of("NAME", "LATEST", "ALIASES", "STATE", "RANK", "SIZE", "BASE", "PUSHED"));
      all.forEach(adapter -> rows.add(row(registry, adapter)));
      TextTable.lines(rows).forEach(console::result);
    }
    console.object(
        Map.of(
            "registry",
            registry.folder().toString(),
            "adapters",
            all.stream().map(adapter -> Registries.values(registry, adapter)).toList()));
    return ExitCode.DONE;
  }

  private static List<String> row(Registry registry, Adapter adapter) {
    Version latest = adapter.versions().getLast();
    List<String> aliases =
        adapter.aliases().stream()
            .map(
                alias ->
                    alias.name() + ":" + alias.version() + Registries.mark(adapter, alias.name()))
            .toList();
    return List.of(
        adapter.name(),
        Integer.toString(latest.number()),
        aliases.isEmpty() ? "-" : String.join(" ", aliases),
        state(adapter, latest),
        Integer.toString(latest.rank()),
        Bytes.shown(latest.bytes()),
        String.join("; ", bases(registry, adapter)),
        latest.pushed().at().toString());
  }

  /// Returns the bases of all versions; with several bases, each with its version numbers.
  private static List<String> bases(Registry registry, Adapter adapter) {
    Map<String, List<String>> numbers = new LinkedHashMap<>();
    adapter
        .versions()
        .forEach(
            version ->
                numbers
                    .computeIfAbsent(registry.bases().shown(version), _ -> new ArrayList<>())
                    .add(Integer.toString(version.number())));
    return numbers.size() == 1
        ? List.copyOf(numbers.keySet())
        : numbers.entrySet().stream()
            .map(base -> String.join(",", base.getValue()) + ": " + base.getKey())
            .toList();
  }

  /// Returns the latest version's state, after `latest:` if all aliases point at other versions.
  private static String state(Adapter adapter, Version latest) {
    boolean elsewhere = !adapter.aliases().isEmpty() && adapter.aliasesOf(latest).isEmpty();
    return (elsewhere ? "latest: " : "") + latest.state().word();
  }
}
