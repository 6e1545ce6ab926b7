# bin/deploy.sh passes the state bucket and the key to `terraform init`.
terraform {
  backend "s3" {}
}
