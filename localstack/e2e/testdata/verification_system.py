"""Writes one verification as a verification system does: created first, finished by an update."""

import sys
from decimal import Decimal

import boto3

endpoint, table_name, verification_id, partner_id = sys.argv[1:]
table = boto3.resource("dynamodb", endpoint_url=endpoint).Table(table_name)
table.put_item(
    Item={
        "verificationId": verification_id,
        "partnerId": partner_id,
        "status": "IN_PROGRESS",
        "sessionId": 77,
        "internalNotes": "an attribute that webhooks ignore",
    }
)
table.update_item(
    Key={"verificationId": verification_id},
    UpdateExpression="SET #s = :s, proofData = :p, formattedData = :f",
    ExpressionAttributeNames={"#s": "status"},
    ExpressionAttributeValues={
        ":s": "VERIFIED",
        ":p": {
            "tags": ["a", "b"],
            "balance": Decimal("1234.50"),
            "nothing": None,
            "big": Decimal("12345678901234567890.5"),
        },
        ":f": {"ok": True},
    },
)
