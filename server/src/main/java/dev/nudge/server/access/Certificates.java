package dev.nudge.server.access;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import io.helidon.common.tls.Tls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Loads a TLS certificate and its private key from PEM files.
public final class Certificates {
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----");
  private static final List<String> ALGORITHMS = List.of("RSA", "EC", "Ed25519");

  private Certificates() {}

  /// @return null if neither file is given
  /// @throws InputException if one is missing, unreadable or invalid
  public static @Nullable Tls tls(@Nullable Path cert, @Nullable Path key) {
    if (cert == null || key == null) {
      if (cert == null && key == null) {
        return null;
      }
      throw new InputException(
          (cert == null
                  ? "--tls-key is given without --tls-cert"
                  : "--tls-cert is given without --tls-key")
              + "; give both, or none");
    }
    List<X509Certificate> chain = chain(cert);
    PrivateKey secret = key(key);
    try {
      return Tls.builder().privateKey(secret).privateKeyCertChain(chain).build();
    } catch (RuntimeException e) {
      throw new InputException(
          "--tls-cert %s and --tls-key %s do not go together: %s"
              .formatted(cert, key, e.getMessage()),
          e);
    }
  }

  private static List<X509Certificate> chain(Path file) {
    try {
      List<X509Certificate> chain =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))
              .stream()
              .map(X509Certificate.class::cast)
              .toList();
      if (chain.isEmpty()) {
        throw new InputException("--tls-cert " + file + " holds no certificate in PEM");
      }
      return chain;
    } catch (CertificateException e) {
      throw new InputException("--tls-cert " + file + " holds no certificate in PEM", e);
    } catch (IOException e) {
      throw new InputException("--tls-cert " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private static PrivateKey key(Path file) {
    try {
      Matcher pem = KEY.matcher(Files.readString(file, StandardCharsets.US_ASCII));
      if (pem.find()) {
        byte[] der = Base64.getMimeDecoder().decode(pem.group(1));
        for (String algorithm : ALGORITHMS) {
          try {
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
          } catch (GeneralSecurityException e) {
            // a key of another kind
          }
        }
      }
      throw new InputException(
          "--tls-key %s holds no key that is known; it must be PKCS 8 in PEM without a password, as openssl pkcs8 -topk8 -nocrypt writes it"
              .formatted(file));
    } catch (IOException e) {
      throw new InputException("--tls-key " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }
}
