package vault

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/cr3dentials/verification-webhooks/shared/webhook"
)

// KMS is what the vault needs of the SDK's client.
type KMS interface {
	GenerateDataKey(ctx context.Context, in *kms.GenerateDataKeyInput, o ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(ctx context.Context, in *kms.DecryptInput, o ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// encryptionContext is bound to every wrapped data key and stands in the key service's log.
func encryptionContext() map[string]string { return map[string]string{"app": "verification-webhooks"} }

func generate(ctx context.Context, k KMS, keyID string) (plain, wrapped []byte, err error) {
	r, err := k.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: aws.String(keyID), KeySpec: types.DataKeySpecAes256, EncryptionContext: encryptionContext(),
	})
	if err != nil {
		return nil, nil, webhook.Wrap(webhook.Unavailable, err, "the key service made no data key")
	}
	return r.Plaintext, r.CiphertextBlob, nil
}

func decrypt(ctx context.Context, k KMS, wrapped []byte) ([]byte, error) {
	r, err := k.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: wrapped, EncryptionContext: encryptionContext()})
	var invalid *types.InvalidCiphertextException
	var wrongKey *types.IncorrectKeyException
	if errors.As(err, &invalid) || errors.As(err, &wrongKey) {
		return nil, webhook.Wrap(webhook.Corrupt, err, "a data key could not be opened")
	}
	if err != nil {
		// A key that is disabled, or that this function may not use yet, is set right by an operator.
		return nil, webhook.Wrap(webhook.Unavailable, err, "the key service did not open a data key")
	}
	return r.Plaintext, nil
}
