package dev.nudge;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// Makes a certificate for 127.0.0.1 that signs itself.
public final class Certificate {
  private static final char[] PASSWORD = "changeit".toCharArray();

  private Certificate() {}

  /// Makes one by the JDK's `keytool`.
  ///
  /// @param folder for the file of keys
  /// @return what serves by it, and trusts it
  public static SSLContext in(Path folder)
      throws IOException, InterruptedException, GeneralSecurityException {
    Path file = folder.resolve("keys.p12");
    List<String> command =
        new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool") + ""));
    command.addAll(List.of("-genkeypair -alias a -keyalg EC -storepass changeit".split(" ")));
    command.addAll(List.of("-dname CN=here -ext san=ip:127.0.0.1 -keystore".split(" ")));
    command.add(file.toString());
    int status = new ProcessBuilder(command).start().waitFor();
    assertThat(status).isZero();
    KeyStore keys = KeyStore.getInstance(file.toFile(), PASSWORD);
    KeyManagerFactory key = KeyManagerFactory.getInstance("PKIX");
    key.init(keys, PASSWORD);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(keys);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(key.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }
}
