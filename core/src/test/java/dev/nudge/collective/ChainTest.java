package dev.nudge.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChainTest {
  private static final byte[] SECRET = "s".getBytes(StandardCharsets.UTF_8);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5})
  void sumsAreTakenInTheOrderOfTheRanks(int ranks) {
    int parts = 40; // some in flight in each direction
    int size = 3001;
    double[][] numbers = new double[ranks][];
    for (int rank = 0; rank < ranks; rank++) {
      numbers[rank] = new Random(rank).doubles(size).map(x -> Math.exp(60 * x - 30)).toArray();
    }
    double[] expected = new double[size];
    for (int i = 0; i < size; i++) {
      for (int rank = 0; rank < ranks; rank++) {
        expected[i] = rank == 0 ? numbers[0][i] : expected[i] + numbers[rank][i];
      }
    }
    List<double[]> sums =
        Ranks.run(
            ranks,
            rank ->
                all -> {
                  List<double[]> made = new ArrayList<>();
                  for (int i = 0; i < parts; i++) {
                    Doubles doubles = new Doubles(size);
                    for (int place = 0; place < size; place++) {
                      doubles.put(place, numbers[rank][place]);
                    }
                    made.add(doubles.sum(all));
                  }
                  List<Doubles> together = new ArrayList<>();
                  for (int i = 0; i < parts; i++) {
                    Doubles doubles = new Doubles(size);
                    doubles.put(i, numbers[rank][i]);
                    together.add(doubles);
                  }
                  all.sum(together);
                  for (int i = 0; i < parts; i++) {
                    made.add(together.get(i).sums());
                  }
                  return made;
                });
    assertThat(sums).hasSize(2 * parts);
    sums.subList(0, parts).forEach(sum -> assertThat(sum).containsExactly(expected));
    for (int i = 0; i < parts; i++) {
      assertThat(sums.get(parts + i)[i]).isEqualTo(expected[i]);
    }
  }

  @Test
  void allRanksHearRank0() {
    byte[] large = new byte[3_000_001];
    new Random(1).nextBytes(large);
    List<Boolean> right =
        Ranks.run(
            3,
            rank ->
                all -> {
                  byte[] own = rank == 0 ? large.clone() : new byte[large.length];
                  all.share(MemorySegment.ofArray(own));
                  byte[] told = all.tell(rank == 0 ? new byte[] {1, 2} : new byte[0]);
                  Doubles heard = new Doubles(3);
                  heard.put(rank, own[77] == large[77] && told.length == 2 ? 1 : 0);
                  double[] all3 = heard.sum(all);
                  return List.of(all3[0] == 1, all3[1] == 1, all3[2] == 1);
                });
    assertThat(right).containsExactly(true, true, true);
  }

  @Test
  void aRankThatIsGoneIsNamed() {
    assertThatThrownBy(
            () ->
                Ranks.run(
                    3,
                    rank ->
                        all -> {
                          if (rank == 2) {
                            return null; // and its connections are closed
                          }
                          return new Doubles(1).sum(all);
                        }))
        .isInstanceOf(RunException.class)
        .hasMessageMatching("rank 0 of 3: rank [12] is gone.*newest checkpoint");
  }

  @Test
  void aRankThatDoesSomethingElseIsRefused() {
    assertThatThrownBy(() -> Ranks.run(2, rank -> all -> new Doubles(rank == 0 ? 1 : 2).sum(all)))
        .isInstanceOf(RunException.class);
  }

  @Test
  void aRankListensOnTheAddressThatItAnnouncesAlone() throws IOException {
    try (Rendezvous meeting = Rendezvous.open("127.0.0.1", 0)) {
      new Socket("127.0.0.1", meeting.port()).close();
      assertThatThrownBy(() -> new Socket("127.0.0.2", meeting.port()).close())
          .isInstanceOf(IOException.class); // another address of this machine
    }
    assertThatThrownBy(() -> Rendezvous.open("192.0.2.1", 0))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith("port 0 of 192.0.2.1 cannot be opened: ");
  }

  @Test
  void strangersAreTurnedAwayAndTheRankIsStillFound() throws Exception {
    try (Rendezvous zero = Rendezvous.open("127.0.0.1", 0);
        Rendezvous one = Rendezvous.open("127.0.0.1", 0)) {
      try (Socket stranger = new Socket("127.0.0.1", zero.port())) {
        stranger
            .getOutputStream()
            .write("GET / HTTP/1.1\r\n\r\n and so on for long".getBytes(StandardCharsets.UTF_8));
        List<String> addresses = List.of("127.0.0.1:" + zero.port(), "127.0.0.1:" + one.port());
        Thread other =
            Thread.startVirtualThread(
                () -> {
                  try (Collective all = one.join(1, addresses, SECRET, Duration.ofSeconds(30))) {
                    all.tell(new byte[0]);
                  }
                });
        try (Collective all = zero.join(0, addresses, SECRET, Duration.ofSeconds(30))) {
          assertThat(all.tell(new byte[] {7})).containsExactly(7);
          other.join();
        }
      }
    }
  }

  @Test
  void whoDoesNotKnowTheSecretIsNotJoined() throws IOException, InterruptedException {
    try (Rendezvous zero = Rendezvous.open("127.0.0.1", 0);
        Rendezvous one = Rendezvous.open("127.0.0.1", 0)) {
      List<String> addresses = List.of("127.0.0.1:" + zero.port(), "127.0.0.1:" + one.port());
      byte[] wrong = "t".getBytes(StandardCharsets.UTF_8);
      Thread other =
          Thread.startVirtualThread(
              () ->
                  assertThatThrownBy(() -> one.join(1, addresses, wrong, Duration.ofSeconds(3)))
                      .isInstanceOf(RunException.class));
      assertThatThrownBy(() -> zero.join(0, addresses, SECRET, Duration.ofSeconds(3)))
          .isInstanceOf(RunException.class)
          .hasMessageStartingWith("rank 0 of 2 was not joined to the others, 127.0.0.1:");
      other.join();
    }
  }
}
