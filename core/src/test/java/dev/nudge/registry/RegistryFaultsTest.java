package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Faults;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Fails, kills and cuts the power of a registry at each change of the disk, and lets processes
/// write side by side.
class RegistryFaultsTest {
  private static final Note NOTE = Note.by("tester", "test");

  private final Random random = Seeds.random();

  @TempDir Path temp;
  private Path folder;
  private Path before;
  private Path first;
  private Path second;

  @BeforeEach
  void make() throws IOException {
    folder = temp.resolve("registry");
    before = temp.resolve("before");
    first = MadeAdapters.known(temp.resolve("first"), 1);
    second = MadeAdapters.known(temp.resolve("second"), 2);
    Registry registry = Registry.open(folder);
    registry.push("support", first, NOTE);
    registry.push("support", MadeAdapters.of(temp.resolve("third"), 3), NOTE);
    registry.alias("support", "champion", version(registry, 1), Alias.Expected.ANY, NOTE);
    Faults.restore(folder, before);
  }

  private static Version version(Registry registry, int number) {
    return registry.find(new Reference("support", new Reference.Number(number)));
  }

  /// What is made, and how one sees that it was.
  private enum Command {
    PUSH(
        (test, registry) -> registry.push("support", test.second, NOTE),
        registry -> registry.adapter("support").versions().size() == 3),
    ALIAS(
        (test, registry) ->
            registry.alias("support", "champion", version(registry, 2), Alias.Expected.ANY, NOTE),
        registry -> registry.adapter("support").aliases().getFirst().version() == 2),
    REPORT(
        (test, registry) ->
            registry.report(Reference.parse("support:1"), test.second.resolve("nudge.json"), NOTE),
        registry -> version(registry, 1).reports().size() == 1),
    STATE(
        (test, registry) ->
            registry.state(Reference.parse("support:2"), VersionState.BLOCKED, NOTE),
        registry -> version(registry, 2).state() == VersionState.BLOCKED),
    REMOVE_AND_COLLECT(
        (test, registry) -> {
          registry.remove(List.of(Reference.parse("support:2")), NOTE);
          registry.collect();
        },
        registry -> registry.adapter("support").versions().size() == 1);

    private interface Made {
      void make(RegistryFaultsTest test, Registry registry);
    }

    private interface Seen {
      boolean in(Registry registry);
    }

    private final Made made;
    private final Seen seen;

    Command(Made made, Seen seen) {
      this.made = made;
      this.seen = seen;
    }
  }

  /// Every second change of the disk, from the first or the second on.
  @ParameterizedTest
  @EnumSource
  void aChangeIsThereOrNotWhereverItEnds(Command command) throws IOException {
    endedAt(command, 2);
  }

  @ParameterizedTest
  @Tag("slow")
  @EnumSource
  void aChangeIsThereOrNotAtEveryChangeOfTheDisk(Command command) throws IOException {
    endedAt(command, 1);
  }

  private void endedAt(Command command, int stride) throws IOException {
    for (Faults.Kind kind : Faults.Kind.values()) {
      int rounds = 0;
      boolean met = true;
      boolean there = false;
      for (int n = 1 + random.nextInt(stride); met; n += stride) {
        Faults.restore(before, folder);
        Faults.Outcome outcome =
            Faults.outcome(kind, n, () -> command.made.make(this, Registry.open(folder)));
        met = outcome.met();
        String when = command + " " + kind + " at " + n;
        Registry now = Registry.open(folder);
        whole(now, when);
        boolean seen = command.seen.in(now);
        assertThat(seen || outcome.told()).as("%s, and nobody was told", when).isTrue();
        if (kind != Faults.Kind.FAILED) {
          assertThat(seen || !there).as("%s: what was there once stays", when).isTrue();
        }
        there = seen;
        if (!seen) {
          command.made.make(this, now); // nothing is in its way
        }
        assertThat(command.seen.in(Registry.open(folder))).as(when).isTrue();
        now.collect();
        whole(now, when + ", made again");
        rounds++;
      }
      assertThat(there).isTrue();
      assertThat(stride * rounds).as(command + " " + kind).isGreaterThan(4);
    }
  }

  @Test
  void aRegistryThatIsBeingMadeIsThereOrNot() throws IOException {
    boolean met = true;
    for (int n = 1; met; n++) {
      Faults.restore(first, folder); // then nothing
      dev.nudge.format.OutFolder.delete(folder);
      met = Faults.met(Faults.Kind.KILLED, n, () -> Registry.open(folder).push("a", first, NOTE));
      Registry now = Registry.open(folder);
      now.push("a", first, NOTE);
      assertThat(now.adapter("a").versions()).as("killed at %d", n).hasSize(1);
      whole(now, "killed at " + n);
    }
  }

  /// Every version can be read, every blob is what its name says, the index is an index.
  private void whole(Registry registry, String when) throws IOException {
    for (Adapter adapter : registry.list()) {
      for (Version version : adapter.versions()) {
        if (version.state() != VersionState.BLOCKED) {
          Reference reference =
              new Reference(adapter.name(), new Reference.Number(version.number()));
          try (PeftAdapter open = PeftAdapter.open(registry.resolve(reference).folder())) {
            assertThat(open.spec().rank()).as(when).isEqualTo(2);
          }
        }
        Manifest manifest = registry.layout().manifest(version.digest());
        for (Descriptor descriptor : manifest.content().toList()) {
          Path blob = registry.layout().blobs().path(descriptor.digest());
          assertThat(Sha256.of(blob)).as(when).isEqualTo(descriptor.digest());
        }
      }
      for (Alias alias : adapter.aliases()) {
        assertThat(adapter.versions())
            .as(when)
            .anyMatch(version -> version.digest().equals(alias.digest()));
      }
    }
    assertThat(Json.read(folder.resolve("index.json")).path("manifests").isArray()).isTrue();
  }

  /// The other process of [#processesThatArePushingAndKilledLeaveAWholeRegistry].
  static final class Child {
    public static void main(String[] args) {
      Faults.haltAt(Integer.parseInt(args[0]));
      Registry registry = Registry.open(Path.of(args[1]));
      registry.push("support", Path.of(args[2]), NOTE);
      registry.alias("support", "champion", version(registry, 3), Alias.Expected.ANY, NOTE);
    }
  }

  @Test
  void processesThatArePushingAndKilledLeaveAWholeRegistry() throws Exception {
    int code = 9;
    int rounds = 0;
    for (int n = 2; code == 9; n += 7) {
      Faults.restore(before, folder);
      code = child(n).waitFor();
      assertThat(code).isIn(9, 0);
      Registry now = Registry.open(folder);
      whole(now, "halted at " + n);
      now.push("support", second, NOTE); // the lock of the killed one is nobody's
      assertThat(now.adapter("support").versions()).hasSize(3);
      rounds++;
    }
    assertThat(rounds).isGreaterThan(3);
  }

  private static ProcessBuilder java(Class<?> main, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(dev.nudge.ChildJvm.FLAGS);
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
  }

  private Process child(int n) throws IOException {
    return java(Child.class, List.of(Integer.toString(n), folder.toString(), second.toString()))
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  /// Pushes eight versions and moves an alias over them.
  static final class Writer {
    public static void main(String[] args) {
      write(Path.of(args[0]), Path.of(args[1]), args[2]);
    }

    static void write(Path folder, Path adapters, String who) {
      Registry registry = Registry.open(folder);
      for (int i = 0; i < 8; i++) {
        Note note = Note.by(who, "round " + i);
        Path adapter = MadeAdapters.of(adapters.resolve(who + i), who.hashCode() % 1000 + i);
        Version pushed = registry.push("crowd", adapter, note).version();
        registry.alias("crowd", "champion", pushed, Alias.Expected.ANY, note);
        registry.collect(); // takes nothing that another one is about to register
      }
    }
  }

  @Test
  void writersInSeveralProcessesAndThreadsLoseNothing() throws Exception {
    List<Process> children = new ArrayList<>();
    for (String who : List.of("anna", "bert")) {
      List<String> arguments = List.of(folder.toString(), temp.toString(), who);
      children.add(java(Writer.class, arguments).inheritIO().start());
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> writers = new ArrayList<>();
      for (String who : List.of("carl", "dora")) {
        writers.add(threads.submit(() -> Writer.write(folder, temp, who)));
      }
      for (Future<?> writer : writers) {
        writer.get();
      }
    }
    for (Process child : children) {
      assertThat(child.waitFor()).isZero();
    }
    Registry now = Registry.open(folder);
    assertThat(now.adapter("crowd").versions())
        .extracting(Version::number)
        .containsExactlyElementsOf(IntStream.rangeClosed(1, 32).boxed().toList());
    List<RegistryEvent> moves =
        now.log("crowd").stream().filter(e -> e instanceof RegistryEvent.Moved).toList();
    assertThat(moves).hasSize(32);
    for (int i = 1; i < moves.size(); i++) {
      assertThat(((RegistryEvent.Moved) moves.get(i)).from())
          .isEqualTo(((RegistryEvent.Moved) moves.get(i - 1)).to());
    }
    whole(now, "after all writers");
  }

  /// Follows an alias to the fourth version, as a server does, and changes nothing on the disk: its
  /// volume may be mounted for reading only.
  static final class Reader {
    public static void main(String[] args) {
      Faults.watch(
          (change, path) -> {
            throw new AssertionError("a reader would %s %s".formatted(change, path));
          });
      Registry registry = Registry.open(Path.of(args[0]));
      Reference champion = Reference.parse("crowd@champion");
      int last = 0;
      while (last < 4) {
        Version version = registry.resolve(champion);
        try (PeftAdapter adapter = PeftAdapter.open(version.folder())) {
          if (version.number() < last || adapter.spec().rank() != 2) {
            throw new AssertionError(version + " after " + last);
          }
        }
        if (version.number() > last) {
          last = version.number();
          System.out.println(last);
        }
      }
    }
  }

  @Test
  void aReaderInAnotherProcessSeesWholeVersionsInTheirOrderAndWritesNothing() throws Exception {
    Registry registry = Registry.open(folder);
    List<Version> versions = new ArrayList<>();
    for (int i = 1; i <= 4; i++) {
      Path made = MadeAdapters.of(temp.resolve("made" + i), i);
      versions.add(registry.push("crowd", made, NOTE).version());
    }
    registry.alias("crowd", "champion", versions.getFirst(), Alias.Expected.ANY, NOTE);
    Process reader = java(Reader.class, List.of(folder.toString())).start();
    Executor late = CompletableFuture.delayedExecutor(60, TimeUnit.SECONDS);
    late.execute(reader::destroyForcibly); // no interrupt ends the wait for a line
    try {
      assertThat(reader.inputReader().readLine()).isEqualTo("1");
      for (Version version : versions) {
        registry.alias("crowd", "champion", version, Alias.Expected.ANY, NOTE);
      }
      assertThat(reader.inputReader().lines()).last().isEqualTo("4");
      assertThat(reader.waitFor()).isZero();
    } finally {
      reader.destroyForcibly(); // waits for the last alias else
    }
  }

  @Test
  void aPushThatCollectionsKeepTakingEndsInATurnOfItsOwn() throws IOException {
    Registry registry = Registry.open(folder);
    Registry other = Registry.open(folder);
    Intake intake = Intake.of(MadeAdapters.of(temp.resolve("taken"), 77), null);
    registry.push("first", MadeAdapters.of(temp.resolve("first"), 78), NOTE);
    AtomicInteger tries = new AtomicInteger();
    Version pushed =
        registry
            .register(
                "taken",
                () -> {
                  StoredVersion stored = intake.store(new OciLayout(folder));
                  if (tries.incrementAndGet() < 3) {
                    assertThat(other.collect().blobs()).isPositive(); // it is not registered yet
                  }
                  return stored;
                },
                NOTE)
            .version();
    assertThat(tries).hasValue(3);
    assertThat(pushed.folder()).isDirectory();
    whole(registry, "after collections");
  }

  @Test
  void ofManyWhoSwapAtOnceFromOnePlaceOneWins() throws Exception {
    Registry registry = Registry.open(folder);
    String from = version(registry, 1).digest();
    List<Callable<Boolean>> swaps = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      Registry own = i % 2 == 0 ? registry : Registry.open(folder);
      swaps.add(
          () -> {
            try {
              own.alias("support", "champion", version(own, 2), Alias.Expected.at(from), NOTE);
              return true;
            } catch (RegistryException e) {
              return false;
            }
          });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      int won = 0;
      for (Future<Boolean> swap : threads.invokeAll(swaps)) {
        won += swap.get() ? 1 : 0;
      }
      assertThat(won).isEqualTo(1);
    }
  }
}
