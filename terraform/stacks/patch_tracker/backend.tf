# Where the state lies is told to `init`: bin/deploy.sh does.
terraform {
  backend "s3" {}
}
