package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// `nudge adapters rollback`: moves an alias back to its previous version.
public record AdaptersRollbackVerb() implements Verb<AdaptersRollbackVerb.Settings> {

  /// The flags of `nudge adapters rollback`.
  record Settings(
      @Setting(
              help = "the alias, such as support@champion",
              label = "NAME@ALIAS",
              operand = true,
              required = true)
          String alias,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(help = Registries.EXPECT, label = "VERSION") @Nullable String expect,
      @Setting(help = Registries.ANY_BASE) boolean anyBase,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters rollback", "puts an alias back to where it was before", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Reference alias = Registries.alias(settings.alias());
    Registry.Move move =
        registry.rollback(
            alias.name(),
            ((Reference.Alias) alias.to()).alias(),
            Registries.expected(registry, alias.name(), settings.expect()),
            settings.anyBase(),
            Registries.note(settings.by(), settings.why()));
    Registries.tell(move, console);
    return ExitCode.DONE;
  }
}
