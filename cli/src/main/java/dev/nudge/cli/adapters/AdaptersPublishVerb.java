package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.hub.CardFacts;
import dev.nudge.hub.RepoName;
import dev.nudge.registry.Address;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// `nudge adapters publish`: copies a version to the hub, an OCI registry, a folder or an archive.
public record AdaptersPublishVerb() implements Verb<AdaptersPublishVerb.Settings> {

  /// The flags of `nudge adapters publish`.
  record Settings(
      @Setting(help = Registries.REFERENCE, label = "REFERENCE", operand = true, required = true)
          String reference,
      @Setting(
              help =
                  "hf:org/name of the hub, oci://HOST/NAME[:TAG], a .tar file, or the folder of an"
                      + " OCI image layout",
              label = "TARGET",
              operand = true,
              required = true)
          String target,
      @Setting(help = "tag there (default: the number of the version)", label = "TAG")
          @Nullable String tag,
      @Setting(help = "file with USER:PASSWORD for a registry that asks for it", label = "FILE")
          @Nullable Path credentials,
      @Setting(help = "talk to the registry without TLS (always so on this machine)")
          boolean plainHttp,
      @Setting(help = "let everybody see a new repository of the hub (default: private)")
          boolean open,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters publish",
        "gives a version to the hub, an OCI registry, a folder or an archive",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    if (settings.target().startsWith(RepoName.SCHEME)) {
      RepoName name = HubPublish.name(settings.target());
      checkPlain(settings);
      Path folder = Path.of(settings.reference());
      CardFacts facts;
      if (Files.isDirectory(folder)) {
        facts = CardFacts.of(folder, null);
      } else {
        Version version = registry.resolve(Reference.parse(settings.reference()));
        facts = HubPublish.facts(registry, version);
        folder = version.folder();
      }
      console.object(HubPublish.run(console, name, folder, facts, settings.open()));
      return ExitCode.DONE;
    }
    if (settings.open()) {
      throw new InputException("--open is for hf:org/name; leave it out");
    }
    Registry.Published given =
        registry.publish(
            Reference.parse(settings.reference()),
            Address.parse(settings.target(), settings.plainHttp()),
            settings.tag(),
            Registries.credentials(settings.credentials()));
    console.result(
        "%s is %s there, %s; %s sent"
            .formatted(
                settings.reference(), given.tag(), given.digest(), Bytes.shown(given.bytes())));
    console.object(given);
    return ExitCode.DONE;
  }

  private static void checkPlain(Settings settings) {
    if (settings.tag() != null || settings.credentials() != null || settings.plainHttp()) {
      throw new InputException(
          "--tag, --credentials and --plain-http are for OCI registries; the hub's token is"
              + " HF_TOKEN");
    }
  }
}
