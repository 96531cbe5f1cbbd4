package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// `nudge adapters alias`: points an alias at a version.
public record AdaptersAliasVerb() implements Verb<AdaptersAliasVerb.Settings> {

  /// The flags of `nudge adapters alias`.
  record Settings(
      @Setting(
              help = "the alias, such as support@champion",
              label = "NAME@ALIAS",
              operand = true,
              required = true)
          String alias,
      @Setting(
              help = "number or digest of a version, another alias, or none to take the alias away",
              label = "VERSION",
              operand = true,
              required = true)
          String version,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(help = Registries.EXPECT, label = "VERSION") @Nullable String expect,
      @Setting(help = "move it where it is protected and no gate has passed, too; needs --why")
          boolean override,
      @Setting(help = Registries.ANY_BASE) boolean anyBase,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters alias", "puts an alias to a version, or takes it away", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Reference alias = Registries.alias(settings.alias());
    registry.adapter(alias.name());
    Registry.Move move =
        registry.alias(
            alias.name(),
            ((Reference.Alias) alias.to()).alias(),
            Registries.version(registry, alias.name(), settings.version()),
            Registries.expected(registry, alias.name(), settings.expect()),
            new Alias.Force(settings.override(), settings.anyBase()),
            Registries.note(settings.by(), settings.why()));
    Registries.tell(move, console);
    return ExitCode.DONE;
  }
}
