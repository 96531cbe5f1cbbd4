package dev.nudge.registry;

import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A model registry for adapters: immutable versions, and aliases that move between them.
///
///     Registry registry = Registry.open(folder);
///     Version version = registry.push("support", adapter, Note.of("first")).version();
///     registry.alias("support", "champion", version, Alias.Expected.ANY, Note.of("better"));
///     Path peft = registry.resolve(Reference.parse("support@champion")).folder();
///
/// A change is one line of the [Journal]; all files that it needs are on the disk before. So a
/// killed process leaves the registry with or without the change, and at most unreferenced blobs,
/// which [#collect] deletes.
///
/// Threading: any thread. Writers of all processes are serialised, except while they copy files. A
/// reader waits only for a writer of its own process, while that one syncs its line to the disk.
public final class Registry {
  private static final int TRIES = 3;

  private final OciLayout layout;
  private final Journal journal;
  private final CurrentBook current;
  private final Bases bases;

  private Registry(Path folder) {
    this.layout = new OciLayout(folder);
    this.journal = new Journal(folder);
    this.current = new CurrentBook(layout, journal);
    this.bases = new Bases(layout);
  }

  /// Opens a registry. The folder may be missing: the first push creates it.
  ///
  /// @throws InputException if the folder holds something else
  public static Registry open(Path folder) {
    Registry registry = new Registry(folder.toAbsolutePath().normalize());
    if (!registry.journal.exists() && !registry.journal.canBegin()) {
      throw new InputException(
          "--registry %s is no registry: it holds other files; give an empty folder, or one that nudge made"
              .formatted(folder));
    }
    return registry;
  }

  /// The default registry folder of the user.
  public static Path home() {
    return Path.of(System.getProperty("user.home", "."), ".local", "share", "nudge", "registry");
  }

  /// The folder of the registry.
  public Path folder() {
    return layout.folder();
  }

  OciLayout layout() {
    return layout;
  }

  /// The bases of the versions, for people.
  public Bases bases() {
    return bases;
  }

  /// The result of a push.
  ///
  /// @param fresh false if the same files were already a version of that name
  public record Pushed(Version version, boolean fresh) {}

  /// Registers an adapter as a version of a name.
  ///
  /// @param adapter a PEFT folder or a run's folder
  /// @throws InputException if the folder is no adapter
  /// @throws dev.nudge.settings.RunException if writing fails
  public Pushed push(String name, Path adapter, Note note) {
    return push(name, adapter, null, note);
  }

  /// Registers an adapter with a licence.
  ///
  /// @param licence as the user gives it; null: none
  public Pushed push(String name, Path adapter, @Nullable String licence, Note note) {
    Reference.checked("NAME", name);
    Intake intake = Intake.of(adapter, licence);
    current.make();
    return register(name, () -> intake.store(layout), note);
  }

  /// Stores and registers a version. Storing is not locked, because it may be a slow download; if a
  /// concurrent collection deletes blobs before the registration, they are stored again, the last
  /// time under the lock.
  Pushed register(String name, Supplier<StoredVersion> store, Note note) {
    for (int tries = 1; tries < TRIES; tries++) {
      try {
        StoredVersion stored = store.get();
        Pushed pushed = current.change(book -> pushed(book, name, stored, note));
        if (pushed != null) {
          return pushed;
        }
      } catch (RegistryException e) {
        throw e;
      } catch (InputException e) {
        // a collection deleted blobs; any other error recurs in the last try
      }
    }
    return current.change(
        book -> {
          Pushed pushed = pushed(book, name, store.get(), note);
          if (pushed == null) {
            throw new RunException(
                layout.folder() + ": blobs were garbage-collected before registration; push again");
          }
          return pushed;
        });
  }

  /// @return null if a collection has deleted some blobs
  private @Nullable Pushed pushed(Book book, String name, StoredVersion stored, Note note) {
    if (!stored.isThere(layout)) {
      return null;
    }
    Version known = book.version(name, stored.digest());
    if (known != null) {
      return new Pushed(known, false);
    }
    int number = book.next(name);
    current.append(
        new RegistryEvent.Pushed(
            name,
            note,
            number,
            stored.digest(),
            stored.manifestBytes(),
            stored.bytes(),
            stored.rank(),
            stored.base()));
    return new Pushed(Objects.requireNonNull(book.version(name, number)), true);
  }

  /// Finds the version that a reference names.
  ///
  /// @throws RegistryException if none matches, or it is blocked
  public Version resolve(Reference reference) {
    Version version = find(reference);
    if (version.state() == VersionState.BLOCKED) {
      throw new RegistryException(
          Reason.BLOCKED,
          "%s%s is blocked%s; name another version, or roll the alias back"
              .formatted(
                  reference,
                  reference.to() instanceof Reference.Alias
                      ? " is " + version.shown() + ", which"
                      : "",
                  behind(stateWhy(version))));
    }
    layout.unpack(version.digest());
    return version;
  }

  private static String behind(@Nullable String why) {
    return why == null ? "" : " (" + why + ")";
  }

  /// The reason that was given for a version's state; null: none.
  public @Nullable String stateWhy(Version version) {
    String why = null;
    for (RegistryEvent event : log(version.name())) {
      if (event instanceof RegistryEvent.Stated said && said.version() == version.number()) {
        why = said.note().why();
      }
    }
    return why;
  }

  /// Finds a version, even if it is blocked.
  ///
  /// @throws RegistryException if none exists
  public Version find(Reference reference) {
    return current.read(book -> book.find(reference, layout.folder()));
  }

  /// Exports a version as a plain PEFT folder.
  ///
  /// @param overwrite whether files of the same names are replaced; other files stay
  /// @return the names of the files
  /// @throws InputException if files are in the way
  public List<String> export(Reference reference, Path out, boolean overwrite) {
    return resolve(reference).copy(out, overwrite);
  }

  /// Pulls a version from a remote; it keeps its digest.
  ///
  /// @param tag of the version; null: that of the address, or the only one
  /// @param credentials for an OCI registry; null: none
  /// @throws InputException if there is no such version, or it is no adapter
  /// @throws dev.nudge.settings.RunException if network or disk fail, or bytes do not match their
  ///     digest
  public Pushed pull(
      String name,
      Address from,
      @Nullable String tag,
      Address.@Nullable Credentials credentials,
      Note note) {
    Reference.checked("NAME", name);
    String wanted = tag != null ? tag : from instanceof Address.Remote remote ? remote.tag() : "";
    Transport transport = new Transport(layout, from, credentials);
    transport.look(wanted);
    current.make();
    return register(name, () -> transport.pull(wanted), note);
  }

  /// The result of a push to a remote.
  ///
  /// @param bytes uploaded; blobs on the remote are skipped
  public record Published(String digest, String tag, long bytes) {}

  /// Pushes a version, its base's manifest and its reports to a remote.
  ///
  /// @param tag on the remote; null: that of the address, or the number of the version
  /// @param credentials for an OCI registry; null: none
  /// @throws InputException if something is in the way
  /// @throws dev.nudge.settings.RunException if network or disk fail
  public Published publish(
      Reference reference,
      Address to,
      @Nullable String tag,
      Address.@Nullable Credentials credentials) {
    return new Transport(layout, to, credentials).publish(resolve(reference), tag);
  }

  /// All adapters, sorted by name.
  public List<Adapter> list() {
    return current.read(
        book ->
            book.names().stream().map(name -> Objects.requireNonNull(book.adapter(name))).toList());
  }

  /// An adapter with its versions and aliases.
  ///
  /// @throws RegistryException if none exists
  public Adapter adapter(String name) {
    return current.read(
        book -> {
          Adapter adapter = book.adapter(name);
          if (adapter == null) {
            throw book.unknown(new Reference(name, new Reference.Number(1)), layout.folder());
          }
          return adapter;
        });
  }

  /// All events, the oldest first.
  ///
  /// @param name of an adapter; null: all adapters
  public List<RegistryEvent> log(@Nullable String name) {
    return new Journal(layout.folder())
        .read().events().stream()
            .filter(event -> name == null || event.name().equals(name))
            .toList();
  }

  /// The result of a move of an alias.
  ///
  /// @param from digest of its old version; null: the alias is new
  /// @param to its new version; null: the alias was removed
  /// @param warning that the new version's base is unknown; null: it is known
  public record Move(
      String name,
      String alias,
      @Nullable String from,
      @Nullable Version to,
      @Nullable String warning) {}

  /// Moves an alias to a version, or removes it.
  ///
  /// @param to null: remove the alias
  /// @param expected the alias's current position, for compare-and-set
  /// @throws RegistryException if the alias is elsewhere, the version is blocked or of another base
  ///     than the alias had, or the alias is protected and no gate has passed the version
  public Move alias(
      String name, String alias, @Nullable Version to, Alias.Expected expected, Note note) {
    return alias(name, alias, to, expected, Alias.Force.NONE, note);
  }

  /// Moves an alias to a version, or removes it, even against its protection or to another base.
  ///
  /// @param force the checks to skip; the journal records the failed checks
  public Move alias(
      String name,
      String alias,
      @Nullable Version to,
      Alias.Expected expected,
      Alias.Force force,
      Note note) {
    Reference.checked("ALIAS", alias);
    if (force.gate()) {
      Aliases.checkWhy(note, "an override of a protected alias");
    }
    return current.change(book -> aliases(book).move(name, alias, to, expected, force, note));
  }

  private Aliases aliases(Book book) {
    return new Aliases(book, layout, bases::shown, current::append);
  }

  /// Protects an alias: from now on only versions that passed a gate may get it. A rollback to an
  /// earlier version stays allowed. The alias need not exist yet; its current version is not
  /// checked.
  ///
  /// @param policy digest of the required policy; null: any
  /// @param anyBase whether the version may have another base than the one before
  /// @throws RegistryException if there is no such adapter
  public void protect(
      String name, String alias, @Nullable String policy, boolean anyBase, Note note) {
    Reference.checked("ALIAS", alias);
    current.change(book -> aliases(book).protect(name, alias, policy, anyBase, note));
  }

  /// Removes the protection of an alias; the note must give a reason.
  public void unprotect(String name, String alias, Note note) {
    Aliases.checkWhy(note, "taking the protection of an alias away");
    current.change(book -> aliases(book).unprotect(name, alias, note));
  }

  /// The protection of an alias; null if it is not protected.
  public @Nullable Protection protection(String name, String alias) {
    return current.read(book -> book.protection(name, alias));
  }

  /// Rolls an alias back to its previous version; repeated, to the one before. Removed and blocked
  /// versions are skipped.
  ///
  /// @throws RegistryException if the alias does not exist, has no previous version, or one of
  ///     another base, or is not where it is expected
  public Move rollback(String name, String alias, Alias.Expected expected, Note note) {
    return rollback(name, alias, expected, false, note);
  }

  /// Rolls an alias back, even to a version of another base.
  public Move rollback(
      String name, String alias, Alias.Expected expected, boolean anyBase, Note note) {
    return current.change(book -> aliases(book).rollback(name, alias, expected, anyBase, note));
  }

  /// Checks the base of an adapter that is not stored yet, as [#alias] checks a version's.
  ///
  /// @param adapter a PEFT folder or a run's folder
  /// @throws RegistryException if the alias has another base
  public void checkBase(String name, String alias, Path adapter) {
    String base = Intake.Kind.of(adapter, false).base();
    if (base != null) {
      checkBase(name, alias, base);
    }
  }

  /// Checks a base, before an adapter of it is trained.
  ///
  /// @param base digest of the base's weights ([Version#base])
  /// @throws RegistryException if the alias has another base
  public void checkBase(String name, String alias, String base) {
    current.read(book -> aliases(book).checkBase(name, alias, base));
  }

  /// Compares the base of an adapter with those of a name's other versions.
  ///
  /// @return a warning; null: all known bases are equal
  public @Nullable String otherBases(Version version) {
    return bases.differing(adapter(version.name()), version);
  }

  /// Sets the state of a version.
  ///
  /// @throws InputException if the state is DEPLOYED and no alias is at the version
  public Version state(Reference reference, VersionState state, Note note) {
    return current.change(
        book -> {
          Version was = find(reference);
          if (state == VersionState.DEPLOYED && adapter(was.name()).aliasesOf(was).isEmpty()) {
            throw new InputException(
                "%s has no alias, and only a version with an alias can be deployed; move one there, as in nudge adapters alias %s@champion %d"
                    .formatted(was.shown(), was.name(), was.number()));
          }
          if (was.state() != state) {
            current.append(
                new RegistryEvent.Stated(was.name(), note, was.number(), was.state(), state));
          }
          return Objects.requireNonNull(book.version(was.name(), was.number()));
        });
  }

  /// Attaches an evaluation report to a version.
  ///
  /// @throws InputException if the file does not exist
  public Version report(Reference reference, Path file, Note note) {
    checkReport(file);
    return current.change(
        book -> {
          Version version = find(reference);
          Version.Report report = StoredVersion.report(layout, version, file);
          if (version.reports().stream().noneMatch(r -> r.manifest().equals(report.manifest()))) {
            current.append(
                new RegistryEvent.Reported(version.name(), note, version.number(), report));
          }
          return Objects.requireNonNull(book.version(version.name(), version.number()));
        });
  }

  /// The latest stored gate verdict (`gate.json`) on a version's own files; a missing node if none
  /// exists.
  public JsonNode gate(Version version) {
    return new Gates(layout).own(version);
  }

  /// Warns of a report that judged another adapter than the version's; else null.
  public @Nullable String otherJudged(Version version, Path report) {
    return new Gates(layout).otherJudged(version, report);
  }

  /// Why an alias's version has not passed the gate of its protection; empty: it has, or there is
  /// no version.
  public List<String> unpassed(String name, String alias) {
    return current.read(book -> new Gates(layout).unpassed(book, name, alias));
  }

  /// The file of a report, read-only.
  public Path file(Version.Report report) {
    return layout.blobs().path(report.digest());
  }

  /// Checks that a report can be attached.
  ///
  /// @throws InputException if the file does not exist
  public static void checkReport(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException("--report " + file + " is no file");
    }
  }

  /// The lineage of a version, its `lineage.json`: digests of base, quantisation, tokenizer,
  /// template and data, settings, parent, licence; a missing node if nothing is known.
  public JsonNode lineage(Version version) {
    return layout.json(version, MediaTypes.LINEAGE);
  }

  /// The versions that [#remove] would remove.
  ///
  /// @throws RegistryException if a version is referenced
  public List<Version> removable(List<Reference> references) {
    return current.read(
        book -> {
          List<Version> going = references.stream().map(this::find).distinct().toList();
          going.forEach(book::checkFree);
          return going;
        });
  }

  /// Removes versions that neither an alias nor a possible rollback references; all are checked
  /// before the first is removed. [#collect] frees their bytes.
  ///
  /// @throws RegistryException if a version is referenced
  public List<Version> remove(List<Reference> references, Note note) {
    return current.change(
        book -> {
          List<Version> going = removable(references);
          for (Version version : going) {
            current.append(
                new RegistryEvent.Removed(
                    version.name(), note, version.number(), version.digest()));
          }
          return going;
        });
  }

  /// The result of a garbage collection.
  public record Collected(int blobs, long bytes, int folders) {}

  /// Garbage collection: deletes blobs that no version references, and rewrites the index.
  public Collected collect() {
    return current.change(book -> layout.collect(book));
  }
}
